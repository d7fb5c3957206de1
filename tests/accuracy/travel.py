"""Travellers: machine-readable zones, passenger messages, numbers in context. See images.py for what a maker yields."""

import json

NAMES = ["ANDERSSON", "OKAFOR", "NGUYEN", "GARCIA", "TANAKA", "MUELLER", "HADDAD", "SMITH", "ROSSI", "KOWALSKA"]
GIVEN = ["ANNA<MARIA", "JOHN", "LI<WEI", "CARLOS", "YUKI", "JUERGEN", "SAMIRA", "DOROTA<EWA"]
STATES = ["UTO", "USA", "BRA", "FRA", "MEX", "CAN", "NGA", "JPN", "POL", "D<<", "GBR"]
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def digit(field):
    total = 0
    for i, c in enumerate(field):
        value = 0 if c == "<" else int(c) if c.isdigit() else ord(c) - 55
        total += value * (7, 3, 1)[i % 3]
    return str(total % 10)


def number(rng, length=9):
    return "".join(rng.choice(LETTERS + "0123456789" * 3) for _ in range(length))


def date(rng, first, last):
    return f"{rng.randrange(first, last) % 100:02d}{rng.randrange(1, 13):02d}{rng.randrange(1, 29):02d}"


def person(rng):
    return rng.choice(STATES), f"{rng.choice(NAMES)}<<{rng.choice(GIVEN)}", number(rng), rng.choice(STATES), \
        date(rng, 1935, 2010), rng.choice("MF<"), date(rng, 2024, 2034)


def with_digit(text):
    return text + digit(text)


def td3(rng, kind="P"):
    state, name, passport, nation, born, sex, ends = person(rng)
    first = f"{kind}<{state}{name}".ljust(44, "<")[:44]
    second = with_digit(passport) + nation + with_digit(born) + sex + with_digit(ends)
    if kind == "V":
        return [first, (second + number(rng, 8)).ljust(44, "<")]
    second += with_digit(rng.choice(["<" * 14, number(rng, 8) + "<" * 6]))
    return [first, second + digit(second[0:10] + second[13:20] + second[21:43])]


def td2(rng, kind="I"):
    state, name, passport, nation, born, sex, ends = person(rng)
    first = f"{kind}<{state}{name}".ljust(36, "<")[:36]
    second = with_digit(passport) + nation + with_digit(born) + sex + with_digit(ends)
    if kind == "V":
        return [first, (second + number(rng, 4)).ljust(36, "<")]
    second += "<" * 7
    return [first, second + digit(second[0:10] + second[13:20] + second[21:35])]


def td1(rng):
    state, name, passport, nation, born, sex, ends = person(rng)
    first = f"I<{state}" + with_digit(passport) + "<" * 15
    second = with_digit(born) + sex + with_digit(ends) + nation + "<" * 11
    second += digit(first[5:30] + second[0:7] + second[8:15] + second[18:29])
    return [first, second, name.ljust(30, "<")[:30]]


ZONES = [("TD1", td1), ("TD2", td2), ("TD3", td3), ("MRV-A", lambda r: td3(r, "V")), ("MRV-B", lambda r: td2(r, "V"))]


def spoiled(rng, lines):
    """One character of the second line's checked part is another."""
    at = rng.randrange(0, 9)
    line = lines[1] if len(lines) == 2 else lines[0]
    at += 0 if len(lines) == 2 else 5
    other = rng.choice([c for c in "0123456789" if digit(c) != digit(line[at]) and c != line[at]])
    line = line[:at] + other + line[at + 1:]
    return [lines[0], line] if len(lines) == 2 else [line, *lines[1:]]


def spelled(filler, between):
    """A zone with '<' and the line ends as some format writes them."""
    return lambda zone: between.join(line.replace("<", filler) for line in zone) + "\n"


SPELLINGS = [spelled(filler, between) for filler, between in (
    ("&lt;", "&lt;br&gt;"), ("&#60;", "&#10;"), ("&#x3C;", "\n"), ("\\u003c", "\\n"), ("\\u003C", "\\r\\n"), ("%3C", "%0A"),
    ("%3c", "%0d%0a"), ("\\x3c", "\\n"), ("%253C", "%250A"), ("<", "<br/>"), ("<", "\r"), ("<", "\t"), ("<", "', '"))]


def mrz(rng):
    carriers = [lambda z: "\n".join(z) + "\n", lambda z: "\r\n".join(z), lambda z: json.dumps({"mrz": "\n".join(z)}),
                lambda z: ",".join(['"' + "".join(z) + '"', "gate 4"]) + "\n",
                lambda z: "<p>" + "<br>".join(line.replace("<", "&lt;") for line in z) + "</p>",
                lambda z: json.dumps(z), lambda z: "zone: " + "".join(z) + " end\n",
                lambda z: json.dumps({"holder": {f"line{i}": line for i, line in enumerate(z)}}, indent=4)]
    for name, make in ZONES:
        for _ in range(8):
            zones = [make(rng) for _ in range(rng.randrange(1, 4))]
            carrier = rng.choice(carriers)
            lead = "Travellers seen at the gate today, as read by the document reader.\n"
            yield f"MRZ {name}", (lead + "\n\n".join(carrier(z) for z in zones) + "\nend of list\n").encode(), \
                {"mrz_valid_count": len(zones)}
            write = rng.choice(SPELLINGS)
            yield f"MRZ {name}, as markup writes it", ("x: " + "\n\n".join(write(z) for z in zones)).encode(), \
                {"mrz_valid_count": len(zones)}
            zone = spoiled(rng, make(rng))
            yield f"{name} with a wrong check digit", (lead + carrier(zone) + "\nend\n").encode(), None
    for length in (30, 36, 44, 88, 90):
        yield "fillers", (("<" * length) + "\n").encode() * 30, None
        yield "capitals", "\n".join("".join(rng.choice(LETTERS) for _ in range(length)) for _ in range(40)).encode(), None


def edifact(rng, kind, people, marks=":+.? '"):
    component, element, _, _, _, end = marks
    join = (lambda *parts: element.join(parts))
    sub = (lambda *parts: component.join(parts))
    lines = [join("UNB", sub("UNOA", "4"), "AIRLINE1", "USCBP", sub("190521", "1230"), "1")]
    kind_id = sub("PAXLST", "D", "02B", "UN", "IATA") if kind == "PAXLST" else sub("PNRGOV", "11", "1", "IA")
    lines.append(join("UNH", "PAX001", kind_id))
    for i in range(people):
        last, first = rng.choice(NAMES), rng.choice(GIVEN).replace("<", " ")
        if kind == "PAXLST":
            lines += [join("NAD", "FL", "", "", sub(last, first)), join("ATT", "2", "", rng.choice("MF")),
                      join("DTM", sub("329", date(rng, 1935, 2010))), join("NAT", "2", "USA"),
                      join("DOC", sub("P", "110", "111"), number(rng))]
        else:
            lines += [join("TIF", last, first),
                      join("SSR", sub("DOCS", "HK", "", "LH", "", "", "", "",
                                      f"/P/USA/{rng.randrange(10 ** 8, 10 ** 9)}//12AUG78/F/08DEC29/{last}/{first}"))]
    if kind == "PAXLST":
        lines.append(join("CNT", sub("42", str(people))))
    lines += [join("UNT", str(len(lines)), "PAX001"), join("UNZ", "1", "1")]
    text = (end + "\r\n").join(lines) + end
    return (("UNA" + marks if marks != ":+.? '" else "") + text).encode()


def passengers(rng):
    for _ in range(12):
        people = rng.randrange(1, 40)
        for kind in ("PAXLST", "PNRGOV"):
            yield kind, edifact(rng, kind, people), {"pnr_count": people}
            marks = rng.choice((":*.? $", ":-.? *", "|+.? '", "&*.? !"))
            yield kind + " whose separators only it shows", edifact(rng, kind, people, marks)[9:], {"pnr_count": people}
            yield kind + " in JSON", json.dumps({"message": edifact(rng, kind, people).decode()}).encode(), \
                {"pnr_count": people}
        yield "PAXLST with other separators", edifact(rng, "PAXLST", people, ":*.? $"), {"pnr_count": people}
        docs = "".join(f"{rng.choice(('SSR DOCS ', 'SSRDOCS', '3SSRDOCS'))}LH{rng.choice(('', ' '))}HK{i + 1}/P/USA/"
                       f"{rng.randrange(10 ** 8, 10 ** 9)}/USA/12AUG78/M/08DEC29/SMITH/JOHN\n" for i in range(people))
        yield "teletype", docs.encode(), {"pnr_count": people}
        order = edifact(rng, "PAXLST", people).replace(b"PAXLST", b"ORDERS").replace(b"NAD+FL", b"NAD+BY")
        yield "a purchase order", order, None
        yield "a text about PAXLST", b"The PAXLST message (UN/EDIFACT) has a header and a body. " * 30, None


def ssn(rng):
    return f"{rng.choice([rng.randrange(1, 666), rng.randrange(667, 900)]):03d}-{rng.randrange(1, 100):02d}-{rng.randrange(1, 10000):04d}"


def identifiers(rng):
    for _ in range(20):
        count = rng.randrange(3, 30)
        rows = [f"{rng.choice(NAMES).title()},{rng.choice(GIVEN).replace('<', ' ').title()},{ssn(rng)}" for _ in range(count)]
        yield "SSNs in a table", ("last,first,ssn\n" + "\n".join(rows) + "\n").encode(), {"ssn_count": count}
        yield "an SSN in a letter", f"Dear officer, my social security number is {ssn(rng)}, as you asked.\n".encode(), \
            {"ssn_count": 1}
        number = ssn(rng)
        form = rng.choice(('<r><SSN>{}</SSN></r>', '{{"SSN": "{}"}}', '{{"socialSecurityNumber":"{}"}}', 'SSN No. {}', 'SS#: {}',
                           'SSN# {}', 'Social Security #: {}', 'Social security number (SSN): {}', 'a=1&ssn={}&b=2',
                           '<tr><th>SSN</th></tr><tr><td>{}</td></tr>', '{{"ssns":["{}"]}}', 'ssn: {}'))
        number = rng.choice((number, number.replace("-", " "), number.replace("-", "\u2013")))
        yield "an SSN as " + form, form.format(number).encode(), {"ssn_count": 1}
        tuples = ",".join(f"('{rng.choice(NAMES)}','{ssn(rng)}')" for _ in range(count))
        yield "SSNs in an SQL dump", \
            rng.choice((f"INSERT INTO `p` (`name`, `ssn`) VALUES {tuples};\n", "CREATE TABLE p (\n  `name` text,\n  `ssn` varchar(11)\n"
                        f");\nINSERT INTO p VALUES {tuples};\n")).encode(), {"ssn_count": count}
        rows = [f"part {ssn(rng)} in stock" for _ in range(count)]
        yield "part numbers", ("order list\n" + "\n".join(rows) + "\n").encode(), None
        yield "telephone numbers", "\n".join(f"call {rng.randrange(200, 999)}-{rng.randrange(100, 999)}-"
                                             f"{rng.randrange(1000, 9999)}" for _ in range(count)).encode(), None
        yield "a number no office gives out", b"SSN: 000-12-3456, SSN: 666-12-3456, SSN: 123-00-4567, SSN 078-05-1120,"\
            b" SSN like 111-11-1111 or ssn : 111-22-3333\n", None
        rows = [f"passport\t0.7.{i}\t{rng.randrange(10 ** 7, 10 ** 8)}\tlog-in (passport), for web sites" for i in range(count)]
        yield "a list of programs", "\n".join(rows).encode(), None
        letter, digits = rng.choice(LETTERS), rng.randrange(10 ** 7, 10 ** 8)
        yield "a passport number", f"Passport number: {letter}{digits}, issuing country USA, date of birth 1970-01-01\n".encode(), \
            {"passport_count": 1}
        yield "a travel document's", f"travel document number: {letter}{digits}\n".encode(), {"passport_count": 1}
        yield "nine digits", f"invoice {rng.randrange(10 ** 8, 10 ** 9)}, tracking {letter}{digits}\n".encode(), None
