/* What a cell of a plate reader's export looks like. */
#include "plate_shape.h"

#include <ctype.h>
#include <string.h>

bool plate_is_shape(const char *cell, size_t len, bool *mixed)
{
    unsigned letters = 0, digits = 0, joints = 0;
    for (size_t i = 0; i < len; i++) {
        char c = cell[i];
        if (c >= '0' && c <= '9')
            digits++;
        else if (c >= 'A' && c <= 'Z')
            letters++;
        else if ((c == ' ' || c == '-') && i > 0 && i + 1 < len)
            joints++;
        else
            return false;
    }
    *mixed = letters > 0 && digits > 0;
    return letters + digits >= 4 && letters + digits <= 8 && digits > 0 && joints <= 2;
}

/* Matches a pattern in which 'd' is a digit; the rest stands for itself. */
static bool fits(const char *pattern, const char *cell, size_t len)
{
    size_t n = strlen(pattern);
    if (len < n)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (pattern[i] == 'd' ? !isdigit((unsigned char)cell[i]) : pattern[i] != cell[i])
            return false;
    }
    return true;
}

bool plate_is_time(const char *cell, size_t len)
{
    static const char *const patterns[] = {
        "dddd-dd-ddTdd:dd", "dddd-dd-dd dd:dd", "dddd/dd/dd dd:dd", "dd/dd/dddd dd:dd", "d/dd/dddd d",
        "d/d/dddd d",       "dd/d/dddd d",      "dd.dd.dddd dd:dd", "dddd-dd-ddTdddddd", "dddddddddddddd",
        "ddddddddTdddd",
    };
    if (len > 40)
        return false;
    size_t digits = 0;
    while (digits < len && isdigit((unsigned char)cell[digits]))
        digits++;
    if (digits == len && (len == 10 || len == 13)) /* epoch */
        return cell[0] == '1' ? cell[1] >= '3' : cell[0] == '2' && cell[1] == '0';
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        if (fits(patterns[i], cell, len))
            return i != 9 || (len == 14 && (memcmp(cell, "20", 2) == 0 || memcmp(cell, "19", 2) == 0));
    }
    return false;
}

bool plate_is_degrees(const char *cell, size_t len)
{
    size_t at = 0, whole = 0, places = 0;
    int value = 0;
    if (at < len && (cell[at] == '-' || cell[at] == '+'))
        at++;
    while (at < len && isdigit((unsigned char)cell[at]) && whole < 4) {
        value = value * 10 + (cell[at++] - '0');
        whole++;
    }
    if (whole == 0 || whole > 3 || value > 180 || at == len || cell[at++] != '.')
        return false;
    while (at < len && isdigit((unsigned char)cell[at])) {
        at++;
        places++;
    }
    return at == len && places >= 4;
}

bool plate_is_state(const char *cell, size_t len)
{
    static const char states[] =
        "ALAKAZARCACOCTDEFLGAHIIDILINIAKSKYLAMEMDMAMIMNMSMOMTNENVNHNJNMNYNCNDOHOKORPARISCSDTNTXUTVTVAWAWVWIWYDCPR"
        "ABBCMBNBNLNSNTNUONPEQCSKYTAGBCBSCMCSCHCOCLDFDGGTGRHGJAMXMIMONANLOAPUQTQRSLSISOTBTMTLVEYUZA";
    if (len != 2)
        return false;
    for (const char *s = states; *s; s += 2) {
        if (s[0] == cell[0] && s[1] == cell[1])
            return true;
    }
    return false;
}

static const struct {
    const char *word;
    enum plate_word means;
} WORDS[] = {
    {"plate", PLATE_WORD_PLATE},         {"platenumber", PLATE_WORD_PLATE},     {"plateno", PLATE_WORD_PLATE},
    {"platetext", PLATE_WORD_PLATE},     {"licenseplate", PLATE_WORD_PLATE},    {"licenceplate", PLATE_WORD_PLATE},
    {"licenseplatenumber", PLATE_WORD_PLATE}, {"licensenumber", PLATE_WORD_PLATE}, {"lpn", PLATE_WORD_PLATE},
    {"lp", PLATE_WORD_PLATE},            {"numberplate", PLATE_WORD_PLATE},     {"bestplate", PLATE_WORD_PLATE},
    {"bestplatenumber", PLATE_WORD_PLATE}, {"platevalue", PLATE_WORD_PLATE},    {"vehicleplate", PLATE_WORD_PLATE},
    {"tagnumber", PLATE_WORD_PLATE},     {"vrm", PLATE_WORD_PLATE},             {"plateread", PLATE_WORD_PLATE},
    {"registrationplate", PLATE_WORD_PLATE}, {"registrationnumber", PLATE_WORD_PLATE}, {"platetag", PLATE_WORD_PLATE},
    {"readtime", PLATE_WORD_TIME},       {"timestamp", PLATE_WORD_TIME},        {"datetime", PLATE_WORD_TIME},
    {"time", PLATE_WORD_TIME},           {"date", PLATE_WORD_TIME},             {"utc", PLATE_WORD_TIME},
    {"utcdate", PLATE_WORD_TIME},        {"utctime", PLATE_WORD_TIME},          {"epochtime", PLATE_WORD_TIME},
    {"epochstart", PLATE_WORD_TIME},     {"epochend", PLATE_WORD_TIME},         {"capturetime", PLATE_WORD_TIME},
    {"readat", PLATE_WORD_TIME},         {"detectiontime", PLATE_WORD_TIME},    {"createdat", PLATE_WORD_TIME},
    {"localtime", PLATE_WORD_TIME},      {"eventtime", PLATE_WORD_TIME},        {"camera", PLATE_WORD_PLACE},
    {"cameraid", PLATE_WORD_PLACE},      {"cameraname", PLATE_WORD_PLACE},      {"lane", PLATE_WORD_PLACE},
    {"laneid", PLATE_WORD_PLACE},        {"site", PLATE_WORD_PLACE},            {"siteid", PLATE_WORD_PLACE},
    {"reader", PLATE_WORD_PLACE},        {"readerid", PLATE_WORD_PLACE},        {"lat", PLATE_WORD_PLACE},
    {"latitude", PLATE_WORD_PLACE},      {"latitudey", PLATE_WORD_PLACE},       {"lon", PLATE_WORD_PLACE},
    {"long", PLATE_WORD_PLACE},          {"lng", PLATE_WORD_PLACE},             {"longitude", PLATE_WORD_PLACE},
    {"longitudex", PLATE_WORD_PLACE},    {"gpslatitude", PLATE_WORD_PLACE},     {"gpslongitude", PLATE_WORD_PLACE},
    {"location", PLATE_WORD_PLACE},      {"port", PLATE_WORD_PLACE},            {"crossing", PLATE_WORD_PLACE},
    {"sourcename", PLATE_WORD_PLACE},    {"state", PLATE_WORD_READ},            {"platestate", PLATE_WORD_READ},
    {"region", PLATE_WORD_READ},         {"bestregion", PLATE_WORD_READ},       {"country", PLATE_WORD_READ},
    {"confidence", PLATE_WORD_READ},     {"bestconfidence", PLATE_WORD_READ},   {"confidencescore", PLATE_WORD_READ},
    {"direction", PLATE_WORD_READ},      {"traveldirection", PLATE_WORD_READ},  {"score", PLATE_WORD_READ},
    {"dscore", PLATE_WORD_READ},         {"matchestemplate", PLATE_WORD_READ},  {"plateindex", PLATE_WORD_READ},
    {"processingtimems", PLATE_WORD_READ}, {"hit", PLATE_WORD_READ},            {"vehicle", PLATE_WORD_READ},
    {"make", PLATE_WORD_READ},           {"platecropjpeg", PLATE_WORD_READ},    {"vehiclecropjpeg", PLATE_WORD_READ},
    {"overviewjpeg", PLATE_WORD_READ},   {"contextimage", PLATE_WORD_READ},     {"plateimage", PLATE_WORD_READ},
};

enum plate_word plate_word(const char *word, size_t len)
{
    char reduced[24] = "";
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        char c = word[i];
        if (c == '_' || c == '-' || c == ' ' || c == '.')
            continue;
        if (n == sizeof(reduced) || !isalnum((unsigned char)c))
            return PLATE_WORD_NONE;
        reduced[n++] = (char)tolower((unsigned char)c);
    }
    for (size_t i = 0; i < sizeof(WORDS) / sizeof(WORDS[0]); i++) {
        if (strlen(WORDS[i].word) == n && memcmp(WORDS[i].word, reduced, n) == 0)
            return WORDS[i].means;
    }
    return PLATE_WORD_NONE;
}
