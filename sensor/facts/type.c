/* What the first bytes show: a table of signatures and, for what has none, whether it reads as text. */
#include <ctype.h>
#include <string.h>

#include "facts.h"
#include "jpeg.h"
#include "text.h"

struct signature {
    uint8_t at, len;
    const char *bytes;
    const char *type;
};

#define SIGNATURE(at, bytes, type) {at, sizeof(bytes) - 1, bytes, type}

/* The first that fits wins: longer ones stand before shorter ones. */
static const struct signature SIGNATURES[] = {
    SIGNATURE(0, "\x89PNG\r\n\x1a\n", "png"),
    SIGNATURE(0, "GIF87a", "gif"),
    SIGNATURE(0, "GIF89a", "gif"),
    SIGNATURE(0, "\0\0\0\x0cjP  \r\n\x87\n", "jp2"),
    SIGNATURE(0, "\xff\x4f\xff\x51", "j2k"),
    SIGNATURE(0, "\0\0\0\x0cJXL \r\n\x87\n", "jxl"),
    SIGNATURE(0, "\xff\x0a", "jxl"),
    SIGNATURE(0, "II\xbc\x01", "jxr"),
    SIGNATURE(0, "II*\0", "tiff"),
    SIGNATURE(0, "MM\0*", "tiff"),
    SIGNATURE(0, "II+\0", "tiff"),
    SIGNATURE(0, "MM\0+", "tiff"),
    SIGNATURE(0, "8BPS", "psd"),
    SIGNATURE(0, "%PDF-", "pdf"),
    SIGNATURE(0, "%!PS", "postscript"),
    SIGNATURE(0, "PK\x03\x04", "zip"),
    SIGNATURE(0, "PK\x05\x06", "zip"),
    SIGNATURE(0, "PK\x07\x08", "zip"),
    SIGNATURE(0, "\x1f\x8b\x08", "gzip"),
    SIGNATURE(0, "7z\xbc\xaf\x27\x1c", "7z"),
    SIGNATURE(0, "Rar!\x1a\x07", "rar"),
    SIGNATURE(0, "\xfd" "7zXZ\0", "xz"),
    SIGNATURE(0, "\x28\xb5\x2f\xfd", "zstd"),
    SIGNATURE(0, "\x04\x22\x4d\x18", "lz4"),
    SIGNATURE(0, "MSCF\0\0\0\0", "cab"),
    SIGNATURE(0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"),
    SIGNATURE(0, "\x78\x9f\x3e\x22", "tnef"),
    SIGNATURE(0, "SQLite format 3\0", "sqlite"),
    SIGNATURE(0, "\x7f" "ELF", "elf"),
    SIGNATURE(0, "\x93NUMPY", "npy"),
    SIGNATURE(0, "\x89HDF\r\n\x1a\n", "hdf5"),
    SIGNATURE(0, "PAR1", "parquet"),
    SIGNATURE(0, "ARROW1\0\0", "arrow"),
    SIGNATURE(0, "PGDMP", "pgdump"),
    SIGNATURE(0, "LUKS\xba\xbe", "luks"),
    SIGNATURE(0, "Salted__", "openssl"),
    SIGNATURE(0, "age-encryption.org/", "age"),
    SIGNATURE(0, "-----BEGIN PGP MESSAGE", "pgp"),
    SIGNATURE(0, "\x85\x01\x0c", "pgp"),
    SIGNATURE(0, "\x85\x02\x0c", "pgp"),
    SIGNATURE(0, "\x84\x8c\x03", "pgp"),
    SIGNATURE(0, "\x8c\x0d\x04", "pgp"),
    SIGNATURE(0, "OggS", "ogg"),
    SIGNATURE(0, "fLaC", "flac"),
    SIGNATURE(0, "ID3", "mp3"),
    SIGNATURE(0, "\x1a\x45\xdf\xa3", "matroska"),
    SIGNATURE(0, "\0asm", "wasm"),
    SIGNATURE(0, "wOFF", "woff"),
    SIGNATURE(0, "wOF2", "woff"),
    SIGNATURE(0, "\xca\xfe\xba\xbe", "class"),
    SIGNATURE(0, "\xd4\xc3\xb2\xa1", "pcap"),
    SIGNATURE(0, "\xa1\xb2\xc3\xd4", "pcap"),
    SIGNATURE(0, "\x4d\x3c\xb2\xa1", "pcap"),
    SIGNATURE(0, "\x0a\x0d\x0d\x0a", "pcapng"),
    SIGNATURE(0, "{\\rtf", "rtf"),
};

struct brand {
    const char *name, *type;
};
/* ISO/IEC 23008-12 and AV1 image brands; what is none of these is a film or a recording. */
static const struct brand BRANDS[] = {
    {"avif", "avif"}, {"avis", "avif"}, {"heic", "heic"}, {"heix", "heic"}, {"heim", "heic"},
    {"heis", "heic"}, {"hevc", "heic"}, {"hevx", "heic"}, {"mif1", "heic"}, {"msf1", "heic"},
    {"crx ", "cr3"},  {"jxl ", "jxl"},  {"jp2 ", "jp2"},
};

/* An ISO base media file: the major brand decides unless it is the general mif1/msf1; then the list does. */
static const char *sniff_media(const uint8_t *head, size_t len)
{
    const char *type = NULL;
    if (len < 12 || memcmp(head + 4, "ftyp", 4) != 0)
        return NULL;
    size_t box = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
    if (box < 12 || box > 1024)
        return NULL;
    for (size_t at = 8; at + 4 <= len && at < box; at += at == 8 ? 8 : 4) {
        for (size_t i = 0; i < sizeof(BRANDS) / sizeof(BRANDS[0]); i++) {
            if (memcmp(head + at, BRANDS[i].name, 4) != 0)
                continue;
            bool general = memcmp(head + at, "mif1", 4) == 0 || memcmp(head + at, "msf1", 4) == 0;
            if (!general)
                return BRANDS[i].type;
            type = BRANDS[i].type;
        }
    }
    return type ? type : "mp4";
}

static const char *sniff_riff(const uint8_t *head, size_t len)
{
    if (len < 12 || memcmp(head, "RIFF", 4) != 0)
        return NULL;
    if (memcmp(head + 8, "WEBP", 4) == 0)
        return "webp";
    if (memcmp(head + 8, "AVI ", 4) == 0)
        return "avi";
    return memcmp(head + 8, "WAVE", 4) == 0 ? "wav" : NULL;
}

/* CMS (RFC 5652 3): a sequence that begins with the id of what it holds. */
static const char *sniff_cms(const uint8_t *head, size_t len)
{
    static const uint8_t pkcs7[] = {0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7};
    static const uint8_t smime[] = {0x06, 11, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 1};
    size_t at = len >= 2 && head[0] == 0x30 ? 2u + (head[1] > 0x80 ? head[1] & 0x7fu : 0u) : len;
    if (at + sizeof(pkcs7) < len && memcmp(head + at, pkcs7, sizeof(pkcs7)) == 0)
        return head[at + sizeof(pkcs7)] == 3 || head[at + sizeof(pkcs7)] == 6 ? "cms-encrypted" : "cms";
    if (at + sizeof(smime) < len && memcmp(head + at, smime, sizeof(smime)) == 0)
        return head[at + sizeof(smime)] == 23 ? "cms-encrypted" : "cms"; /* RFC 5083: authenticated-enveloped */
    return NULL;
}

/* Two- and three-byte signatures need a second test. */
static const char *sniff_short(const uint8_t *head, size_t len)
{
    if (len >= 4 && head[0] == 0xff && head[1] == 0xd8 && head[2] == 0xff) {
        if (head[3] == 0xf7)
            return "jpeg-ls";
        if (jpeg_is_header_code(head[3]))
            return "jpeg";
    }
    if (len == 3 && memcmp(head, "\xff\xd8\xff", 3) == 0)
        return "jpeg";
    if (len >= 10 && memcmp(head, "BZh", 3) == 0 && head[3] >= '1' && head[3] <= '9' &&
        (memcmp(head + 4, "\x31\x41\x59\x26\x53\x59", 6) == 0 || memcmp(head + 4, "\x17\x72\x45\x38\x50\x90", 6) == 0))
        return "bzip2";
    if (len >= 18 && head[0] == 'B' && head[1] == 'M' && memcmp(head + 6, "\0\0\0\0", 4) == 0 &&
        (head[14] == 12 || (head[14] >= 40 && head[14] <= 124)) && head[15] == 0 && head[16] == 0)
        return "bmp";
    if (len >= 64 && head[0] == 'M' && head[1] == 'Z' && head[62] == 0 && head[63] == 0)
        return "pe";
    return NULL;
}

static bool starts_caseless(const char *text, size_t len, const char *word)
{
    size_t n = strlen(word);
    return len >= n && strncasecmp(text, word, n) == 0;
}

/* What kind of text, from its first word. */
static const char *sniff_text(const uint8_t *head, size_t len)
{
    const char *text = (const char *)head;
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        len -= 3;
    }
    while (len > 0 && isspace((unsigned char)*text)) {
        text++;
        len--;
    }
    if (starts_caseless(text, len, "<?xml"))
        return "xml";
    if (starts_caseless(text, len, "<!doctype html") || starts_caseless(text, len, "<html") ||
        starts_caseless(text, len, "<head") || starts_caseless(text, len, "<body"))
        return "html";
    if (starts_caseless(text, len, "<svg"))
        return "svg";
    if (len > 1 && *text == '<' && (isalpha((unsigned char)text[1]) || text[1] == '!'))
        return "xml";
    if (len > 0 && (*text == '{' || *text == '[')) {
        size_t i = 1;
        while (i < len && isspace((unsigned char)text[i]))
            i++;
        /* What may follow in JSON (RFC 8259): a name, a value or the end. */
        if (i == len || strchr(*text == '{' ? "\"}" : "\"{[]-0123456789tfn", text[i]))
            return "json";
    }
    return "text";
}

const char *facts_sniff_type(const uint8_t *head, size_t len)
{
    const char *type;
    if (len > RECOGNISER_HEAD)
        len = RECOGNISER_HEAD;
    if (len == 0)
        return "empty";
    for (size_t i = 0; i < sizeof(SIGNATURES) / sizeof(SIGNATURES[0]); i++) {
        const struct signature *s = &SIGNATURES[i];
        if ((size_t)s->at + s->len <= len && head[s->at] == (uint8_t)s->bytes[0] &&
            memcmp(head + s->at, s->bytes, s->len) == 0)
            return s->type;
    }
    if ((type = sniff_short(head, len)) || (type = sniff_riff(head, len)) || (type = sniff_media(head, len)) ||
        (type = sniff_cms(head, len)))
        return type;
    if (text_is_plain(head, len))
        return sniff_text(head, len);
    return "data";
}
