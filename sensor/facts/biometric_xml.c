/* Biometric records in XML: ANSI/NIST-ITL packages, NIEM's biometrics domain, CBEFF (ISO/IEC 19785-3), ISO/IEC 39794.
 * A root element that exists for nothing else proves it; a namespace does together with a biometric element. */
#include <ctype.h>
#include <string.h>

#include "biometric.h"
#include "text.h"

#define NAME_MAX 48

struct biometric_xml {
    struct text_guard guard;
    bool in_name;
    bool root;          /* an element that needs no further evidence */
    uint8_t len;        /* NAME_MAX + 1: too long */
    char name[NAME_MAX];
    const char *standard;
    uint16_t kinds;     /* bit for each entry of KINDS */
    uint32_t elements, payloads;
};

enum { FACE, FINGER, PALM, IRIS, MINUTIAE, OTHER, KIND_COUNT };
static const char *const KINDS[KIND_COUNT] = {"face", "finger_image", "palm_image", "iris", "finger_minutiae", "cbeff"};

static const struct {
    const char *name;
    uint8_t kind;
} ELEMENTS[] = {
    {"FaceImage", FACE},
    {"PackageFacialAndSMTImageRecord", FACE},
    {"FingerprintImage", FINGER},
    {"FingerImpressionImage", FINGER},
    {"PackageFingerprintImageRecord", FINGER},
    {"PackageLatentImageRecord", FINGER},
    {"PackageHighResolutionGrayscaleImageRecord", FINGER},
    {"PalmprintImage", PALM},
    {"PackagePalmprintImageRecord", PALM},
    {"IrisImage", IRIS},
    {"PackageIrisImageRecord", IRIS},
    {"PackageMinutiaeRecord", MINUTIAE},
    {"CBEFFImage", OTHER},
    {"PackageCBEFFBiometricDataRecord", OTHER},
    {"BiometricBinary", OTHER},
};

static bool biometric_xml_sniff(const uint8_t *head, size_t len)
{
    (void)head;
    (void)len;
    return false;
}

static bool is_named(const struct biometric_xml *x, const char *name)
{
    return strlen(name) == x->len && memcmp(name, x->name, x->len) == 0;
}

static bool is_proved(const struct biometric_xml *x)
{
    return x->root || (x->elements > 0 && x->payloads > 0);
}

static void publish(const struct biometric_xml *x, struct fact_set *facts)
{
    char kinds[96];
    size_t len = 0;
    kinds[0] = 0;
    for (unsigned k = 0; k < KIND_COUNT; k++) {
        if (!(x->kinds >> k & 1) || (k == OTHER && len))
            continue;
        if (len)
            kinds[len++] = ',';
        size_t n = strlen(KINDS[k]);
        memcpy(kinds + len, KINDS[k], n + 1);
        len += n;
    }
    biometric_publish(facts, &(struct biometric){.kind = len ? kinds : "biographic",
                                                 .standard = x->standard ? x->standard : "NIEM biometrics",
                                                 .records = x->elements > x->payloads ? x->elements : x->payloads,
                                                 .checks = CHECK_HEADER});
}

static void take_name(struct biometric_xml *x, struct fact_set *facts)
{
    char *colon = memchr(x->name, ':', x->len);
    if (colon) {
        size_t n = (size_t)(x->name + x->len - (colon + 1));
        memmove(x->name, colon + 1, n);
        x->len = (uint8_t)n;
    }
    bool known = true;
    if (is_named(x, "NISTBiometricInformationExchangePackage")) {
        x->standard = "ANSI/NIST-ITL XML";
        x->root = true;
    } else if (is_named(x, "BDB")) {
        x->standard = x->standard ? x->standard : "ISO/IEC 19785-3 XML";
        x->kinds |= 1 << OTHER;
        x->elements++;
        x->payloads++;
    } else if (is_named(x, "BinaryBase64Object") || is_named(x, "BinaryObject")) {
        x->payloads++;
    } else {
        known = false;
        for (size_t i = 0; i < sizeof(ELEMENTS) / sizeof(ELEMENTS[0]); i++) {
            if (!is_named(x, ELEMENTS[i].name))
                continue;
            x->kinds |= (uint16_t)(1 << ELEMENTS[i].kind);
            x->elements++;
            known = true;
        }
    }
    if (known && is_proved(x))
        publish(x, facts);
}

static void take_byte(struct biometric_xml *x, uint8_t c, struct fact_set *facts)
{
    if (c == '<') {
        x->in_name = true;
        x->len = 0;
        return;
    }
    if (!x->in_name)
        return;
    if (isalnum(c) || c == ':' || c == '_' || c == '-' || c == '.') {
        if (x->len < NAME_MAX)
            x->name[x->len] = (char)c;
        if (x->len <= NAME_MAX)
            x->len++;
        return;
    }
    if (x->len > 0 && x->len <= NAME_MAX)
        take_name(x, facts);
    x->in_name = false;
}

/* Most bytes are base64 or text between elements: those are passed over at once. */
static void take_bytes(struct biometric_xml *x, const uint8_t *data, size_t len, struct fact_set *facts)
{
    for (size_t i = 0; i < len; i++) {
        if (!x->in_name) {
            const uint8_t *next = memchr(data + i, '<', len - i);
            if (!next)
                return;
            i = (size_t)(next - data);
        }
        take_byte(x, data[i], facts);
    }
}

static enum recogniser_state biometric_xml_feed(void *state, struct fact_set *facts, const uint8_t *data, size_t len,
                                                uint64_t at)
{
    struct biometric_xml *x = state;
    (void)at;
    while (len > 0) {
        size_t n = text_guard_take(&x->guard, data, len);
        take_bytes(x, data, n, facts);
        data += n;
        len -= n;
        if (text_guard_is_full(&x->guard) && text_guard_is_binary(&x->guard) && !is_proved(x))
            return RECOGNISE_NO;
    }
    return is_proved(x) ? RECOGNISE_PROVED : RECOGNISE_MORE;
}

static enum recogniser_state biometric_xml_gap(void *state, struct fact_set *facts, uint64_t len, uint64_t at)
{
    struct biometric_xml *x = state;
    (void)facts;
    (void)len;
    (void)at;
    x->in_name = false;
    return is_proved(x) ? RECOGNISE_PROVED : RECOGNISE_MORE;
}

static const struct recogniser_literal LITERALS[] = {
    {"NISTBiometricInformation", 24, 250, false}, {"niem/domains/biometrics/", 24, 250, false},
    {"niem/ansi-nist", 14, 250, false},           {"niem/biometrics", 15, 250, false},
    {"iso-iec/19785/", 14, 250, false},           {"iso-iec/39794", 13, 250, false},
};

const struct recogniser recogniser_biometric_xml = {
    .name = "biometric_xml",
    .type = "",
    .state_size = sizeof(struct biometric_xml),
    .literals = LITERALS,
    .literal_count = sizeof(LITERALS) / sizeof(LITERALS[0]),
    .sniff = biometric_xml_sniff,
    .feed = biometric_xml_feed,
    .gap = biometric_xml_gap,
};
