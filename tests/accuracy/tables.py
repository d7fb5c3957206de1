"""Licence-plate reads and face embeddings, in the forms they are exported. See images.py for what a maker yields."""

import json
import math
import struct

LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"


def plate(rng):
    shape = rng.choice(("AAA9999", "9AAA999", "AAA999", "AA99AAA", "AA999A", "999AAA"))
    return "".join(rng.choice(LETTERS) if c == "A" else str(rng.randrange(10)) for c in shape)


def moment(rng):
    return f"2019-05-{rng.randrange(1, 29):02d}T{rng.randrange(24):02d}:{rng.randrange(60):02d}:{rng.randrange(60):02d}Z"


def place(rng):
    return f"{rng.uniform(25, 49):.5f}", f"{rng.uniform(-124, -67):.5f}"


def plates(rng):
    for _ in range(12):
        count = rng.randrange(12, 200)
        reads = [(plate(rng), rng.choice(("TX", "CA", "AZ", "NM")), moment(rng), f"cam-{rng.randrange(4)}", *place(rng))
                 for _ in range(count)]
        for delimiter in ",\t|;":
            head = delimiter.join(("plate", "state", "read_time", "camera", "latitude", "longitude"))
            text = head + "\n" + "\n".join(delimiter.join(r) for r in reads) + "\n"
            yield "rows with a header", text.encode(), {"plate_row_count": count}
        head = "plate,state,read_time,camera,latitude,longitude\n"
        text = head + "\n".join(",".join((r[0].lower(), *r[1:])) for r in reads) + "\n"
        before = rng.choice(("", "LPR Detection Report\nGenerated 2019-05-21\n\n", "Hi Bob,\n\nhere are the reads:\n\n"))
        yield "rows in small letters, lines before them", (before + text).encode(), {"plate_row_count": count}
        yield "rows without a head", "\r\n".join(",".join(r) for r in reads).encode(), {"plate_row_count": count}
        key = rng.choice(("plate", "PlateNumber", "vehiclePlate", "plate_number"))
        yield "XML", "".join(f"<read><{key} id='1'>{p}</{key}><state>{s}</state><timestamp>{t}</timestamp><camera>{c}</camera>"
                             "</read>\n" for p, s, t, c, *_ in reads).replace(" id='1'", rng.choice((" id='1'", ""))).encode(), \
            {"plate_row_count": count}
        rows = "".join(f"{i}\t{p}\t{s}\t{t[:10]} {t[11:19]}+00\n" for i, (p, s, t, *_) in enumerate(reads))
        yield "COPY", f"COPY public.plate_reads (id, plate, state, read_time) FROM stdin;\n{rows}\\.\n".encode(), \
            {"plate_row_count": count}
        yield "Transact-SQL", "".join(f"INSERT [dbo].[PlateReads] ([Plate], [ReadTime]) VALUES (N'{p}', CAST(N'{t}' AS DateTime))\n"
                                      for p, _, t, *_ in reads).encode(), {"plate_row_count": count}
        lines = "\n".join(json.dumps({"plate_number": p, "state": s, "timestamp": t, "camera_id": c, "lat": float(a),
                                      "lon": float(o)}) for p, s, t, c, a, o in reads)
        yield "JSON lines", lines.encode(), {"plate_row_count": count}
        rows = ",\n".join(f"('{p}','{s}','{t}','{c}',{a},{o})" for p, s, t, c, a, o in reads)
        yield "SQL", ("CREATE TABLE plate_reads (plate text, state text, read_time text, camera text, lat real, lon real);\n"
                      f"INSERT INTO plate_reads VALUES {rows};\n").encode(), {"plate_row_count": count}
        results = [{"plate": p, "confidence": 91.2, "matches_template": 0, "plate_index": i, "region": s.lower(),
                    "processing_time_ms": 33.1, "requested_topn": 10, "coordinates": [], "candidates": []}
                   for i, (p, s, *_) in enumerate(reads)]
        yield "OpenALPR", json.dumps({"version": 2, "data_type": "alpr_results", "epoch_time": 1558440000000,
                                      "img_width": 1280, "img_height": 720, "results": results}).encode(), \
            {"plate_row_count": (1, count)}
        yield "AutoVu", "".join(f"<AutoVu><Plate>{p}</Plate><State>{s}</State><UTCDate>2019-05-08</UTCDate>"
                                f"<UTCTime>{t[11:19]}</UTCTime><CameraName>{c}</CameraName><LongitudeX>{o}</LongitudeX>"
                                f"<LatitudeY>{a}</LatitudeY></AutoVu>\n" for p, s, t, c, a, o in reads).encode(), \
            {"plate_row_count": count}
        space = "http://release.niem.gov/niem/domains/screening/5.2/"
        yield "NIEM screening", "".join(
            f'<scr:LPRConveyanceCheckMessage xmlns:scr="{space}"><scr:LPRMessageCategoryCode>LPR</scr:LPRMessageCategoryCode>'
            f"<scr:LPRImageSourceCode>DF</scr:LPRImageSourceCode><j:ConveyanceRegistrationPlateIdentification>"
            f"<nc:IdentificationID>{p}</nc:IdentificationID></j:ConveyanceRegistrationPlateIdentification>"
            f"</scr:LPRConveyanceCheckMessage>\n" for p, *_ in reads).encode(), {"plate_row_count": count}
        # Look-alikes
        sku = "\n".join(f"{plate(rng)},{rng.randrange(1000)},{rng.randrange(100)}.99,in stock" for _ in range(count))
        yield "article numbers", ("article,stock,price,note\n" + sku + "\n").encode(), None
        log = "\n".join(f"{moment(rng)} host-{rng.randrange(9)} {plate(rng)}: request took {rng.randrange(900)} ms"
                        for _ in range(count))
        yield "a log", log.encode(), None
        track = "\n".join(f"{t},{a},{o},{rng.randrange(90)}" for _, _, t, _, a, o in reads)
        yield "a vehicle's track", ("time,latitude,longitude,speed\n" + track + "\n").encode(), None
        base = "\n".join(" ".join(plate(rng) for _ in range(9)) for _ in range(count))
        yield "words of letters and digits", base.encode(), None


def unit(rng, size):
    values = [rng.gauss(0, 1) for _ in range(size)]
    norm = math.sqrt(sum(v * v for v in values))
    return [v / norm for v in values]


def embeddings(rng):
    for _ in range(8):
        count, size = rng.randrange(4, 24), rng.choice((128, 512))
        vectors = [unit(rng, size) for _ in range(count)]
        raw = b"".join(struct.pack(f"<{size}f", *v) for v in vectors)
        head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({count}, {size}), }}"
        head = head.ljust((10 + len(head)) // 64 * 64 + 64 - 10 - 1) + "\n"
        yield "numpy array", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + raw, \
            {"embedding_count": count}
        yield "floats one after another", raw, {"embedding_count": (count - 2, count)}
        yield "JSON", json.dumps([{"name": f"p{i}", "embedding": v} for i, v in enumerate(vectors)]).encode(), \
            {"embedding_count": count}
        rows = "\n".join(f"{i}\t[" + ",".join(f"{x:.8f}" for x in v) + "]" for i, v in enumerate(vectors))
        yield "pgvector", ("COPY faces (id, embedding) FROM stdin;\n" + rows + "\n\\.\n").encode(), \
            {"embedding_count": count}
        yield "numpy array, big-endian", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + \
            head.replace("<f4", ">f4").encode() + b"".join(struct.pack(f">{size}f", *v) for v in vectors), {"embedding_count": count}
        yield "FAISS index", b"IxF2" + struct.pack("<Iqqq", size, count, 1 << 20, 1 << 20) + b"\1" + \
            struct.pack("<IQ", 1, count * size) + raw, {"embedding_count": (count - 1, count)}
        # Look-alikes
        yield "floats of any size", struct.pack(f"<{size * count}f", *(rng.uniform(-1, 1) for _ in range(size * count))), None
        yield "sound", struct.pack(f"<{size * count}f", *(math.sin(i / 9) * 0.3 for i in range(size * count))), None
        yield "a histogram", json.dumps({"histogram": [rng.random() for _ in range(size)]}).encode(), None
        yield "coordinates", json.dumps({"track": [round(rng.uniform(-1, 1), 5) for _ in range(400)]}).encode(), None
        yield "a table of weights", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + \
            head.replace(str(size), "7").ljust(len(head))[:len(head) - 1].encode() + b"\n" + raw, None
