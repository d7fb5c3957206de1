/* The checks of a machine-readable zone, cheap ones first. Weights 7, 3, 1; digits are themselves, letters 10 to
 * 35, '<' is 0. */
#include "mrz_check.h"

#include <string.h>

/* ISO 3166-1 alpha-3 and Doc 9303-3 section 5; Germany is 'D'. */
static const char STATES[] =
    "ABWAFGAGOAIAALAALBANDAREARGARMASMATAATFATGAUSAUTAZEBDIBELBENBESBFABGDBGRBHRBHSBIHBLMBLRBLZBMUBOLBRABRBBRNBTNBVT"
    "BWACAFCANCCKCHECHLCHNCIVCMRCODCOGCOKCOLCOMCPVCRICUBCUWCXRCYMCYPCZEDEUDJIDMADNKDOMDZAECUEGYERIESHESPESTETHFINFJI"
    "FLKFRAFROFSMGABGBRGEOGGYGHAGIBGINGLPGMBGNBGNQGRCGRDGRLGTMGUFGUMGUYHKGHMDHNDHRVHTIHUNIDNIMNINDIOTIRLIRNIRQISLISR"
    "ITAJAMJEYJORJPNKAZKENKGZKHMKIRKNAKORKWTLAOLBNLBRLBYLCALIELKALSOLTULUXLVAMACMAFMARMCOMDAMDGMDVMEXMHLMKDMLIMLTMMR"
    "MNEMNGMNPMOZMRTMSRMTQMUSMWIMYSMYTNAMNCLNERNFKNGANICNIUNLDNORNPLNRUNZLOMNPAKPANPCNPERPHLPLWPNGPOLPRIPRKPRTPRYPSE"
    "PYFQATREUROURUSRWASAUSDNSENSGPSGSSHNSJMSLBSLESLVSMRSOMSPMSRBSSDSTPSURSVKSVNSWESWZSXMSYCSYRTCATCDTGOTHATJKTKLTKM"
    "TLSTONTTOTUNTURTUVTWNTZAUGAUKRUMIURYUSAUZBVATVCTVENVGBVIRVNMVUTWLFWSMYEMZAFZMBZWE"
    "D<<UTOGBDGBNGBOGBPGBSUNOUNAUNKXXAXXBXXCXXXEUEXOMXPORKSKS<XCCXCEXCOXECXESXMPXDCIAO";

_Static_assert((sizeof(STATES) - 1) % 3 == 0, "three letters a code");

static bool is_state(const char *code)
{
    for (const char *s = STATES; *s; s += 3) {
        if (memcmp(s, code, 3) == 0)
            return true;
    }
    return false;
}

static int value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c == '<' ? 0 : c - 'A' + 10;
}

struct part {
    const char *text;
    size_t len;
};

/* The check digit over several parts read as one. */
static int digit_over(const struct part *parts, size_t count)
{
    static const int weights[] = {7, 3, 1};
    int sum = 0;
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < parts[i].len; k++)
            sum += value(parts[i].text[k]) * weights[n++ % 3];
    }
    return sum % 10;
}

static bool digit_holds(const char *text, size_t len, char digit)
{
    return digit >= '0' && digit <= '9' && digit_over(&(struct part){text, len}, 1) == digit - '0';
}

static bool composite_holds(const struct part *parts, size_t count, char digit)
{
    return digit >= '0' && digit <= '9' && digit_over(parts, count) == digit - '0';
}

/* YYMMDD; of a birth, unknown parts are '<<'. */
static bool is_date(const char *p, bool birth)
{
    for (unsigned i = 0; i < 6; i += 2) {
        if (birth && p[i] == '<' && p[i + 1] == '<')
            continue;
        if (p[i] < '0' || p[i] > '9' || p[i + 1] < '0' || p[i + 1] > '9')
            return false;
        int part = (p[i] - '0') * 10 + p[i + 1] - '0';
        if ((i == 2 && (part < 1 || part > 12)) || (i == 4 && (part < 1 || part > 31)))
            return false;
    }
    return true;
}

static bool is_sex(char c)
{
    return c == 'M' || c == 'F' || c == 'X' || c == '<';
}

static bool has_letters_only(const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (p[i] >= '0' && p[i] <= '9')
            return false;
    }
    return true;
}

/* Letters, and a filler after the surname at least; it does not begin with one. */
static bool is_name(const char *p, size_t len)
{
    return p[0] != '<' && has_letters_only(p, len) && memmem(p, len, "<<", 2) != NULL;
}

/* The second line of all two-line documents up to the expiry date's digit; `line` has `len` characters. */
static bool is_second_line(const char *line)
{
    return has_letters_only(line + 10, 3) && is_sex(line[20]) && is_date(line + 13, true) &&
           is_date(line + 21, false) && digit_holds(line, 9, line[9]) && digit_holds(line + 13, 6, line[19]) &&
           digit_holds(line + 21, 6, line[27]) && memcmp(line, "<<<<<<<<<", 9) != 0;
}

static enum mrz_kind check_two_lines(const char *first, size_t len)
{
    const char *second = first + len;
    bool passport = first[0] == 'P' && len == 44, visa = first[0] == 'V';
    bool card = len == 36 && (first[0] == 'A' || first[0] == 'C' || first[0] == 'I' || first[0] == 'P');
    if ((!passport && !visa && !card) || !has_letters_only(first, 5) || !is_name(first + 5, len - 5) ||
        !is_second_line(second))
        return MRZ_NONE;
    if (visa) /* no composite digit: the states must be known ones */
        return !is_state(first + 2) || !is_state(second + 10) ? MRZ_NONE : len == 44 ? MRZ_VISA_A : MRZ_VISA_B;
    if (passport && second[42] != '<' && !digit_holds(second + 28, 14, second[42]))
        return MRZ_NONE;
    if (passport && second[42] == '<' && digit_over(&(struct part){second + 28, 14}, 1) != 0)
        return MRZ_NONE;
    const struct part parts[] = {{second, 10}, {second + 13, 7}, {second + 21, passport ? 22 : 14}};
    if (!composite_holds(parts, 3, second[len - 1]))
        return MRZ_NONE;
    return passport ? MRZ_TD3 : MRZ_TD2;
}

/* A number longer than nine characters goes on in the optional field, up to a digit and '<'. */
static bool is_long_number(const char *line)
{
    const char *end = memchr(line + 15, '<', 15);
    if (line[14] != '<' || !end || end < line + 17)
        return false;
    const struct part parts[] = {{line + 5, 9}, {line + 14, (size_t)(end - 1 - (line + 14))}};
    return composite_holds(parts, 2, end[-1]);
}

static enum mrz_kind check_three_lines(const char *first)
{
    const char *second = first + 30, *third = first + 60;
    bool card = first[0] == 'A' || first[0] == 'C' || first[0] == 'I';
    if (!card || !has_letters_only(first, 5) || !is_name(third, 30) || !is_sex(second[7]) ||
        !is_date(second, true) || !is_date(second + 8, false) || !has_letters_only(second + 15, 3))
        return MRZ_NONE;
    if (!digit_holds(second, 6, second[6]) || !digit_holds(second + 8, 6, second[14]) ||
        (!digit_holds(first + 5, 9, first[14]) && !is_long_number(first)))
        return MRZ_NONE;
    const struct part parts[] = {{first + 5, 25}, {second, 7}, {second + 8, 7}, {second + 18, 11}};
    return composite_holds(parts, 4, second[29]) ? MRZ_TD1 : MRZ_NONE;
}

enum mrz_kind mrz_check(const char *text, size_t len)
{
    if (len == 88 || len == 72)
        return check_two_lines(text, len / 2);
    return len == 90 ? check_three_lines(text) : MRZ_NONE;
}
