/* Whether the declared media type and the bytes speak of the same format.
 *
 * A declared type with a signature of its own (image/jpeg, application/pdf) must show it. A declared text may be
 * any text, or bytes in a character set we do not read; it may not be a known binary format. A type that is not
 * in the table, application/octet-stream and an absent one declare nothing. */
#include <string.h>

#include "facts.h"

#define TEXT_TYPES "text,json,xml,html,svg,rtf,postscript,csv,mrz,edifact,pgp,age,data,empty"

struct declaration {
    const char *media_type; /* ends in '*': a family */
    const char *types;      /* comma list of what the bytes may show */
    bool loose;             /* bytes that show nothing known ("data") are allowed too */
};

/* The first that fits decides. */
static const struct declaration DECLARATIONS[] = {
    {"image/jpeg", "jpeg,jpeg-ls", false},
    {"image/jpg", "jpeg,jpeg-ls", false},
    {"image/pjpeg", "jpeg", false},
    {"image/jls", "jpeg-ls", false},
    {"image/png", "png", false},
    {"image/apng", "png", false},
    {"image/gif", "gif", false},
    {"image/webp", "webp", false},
    {"image/heic*", "heic,avif", false},
    {"image/heif*", "heic,avif", false},
    {"image/avif*", "avif,heic", false},
    {"image/jp2", "jp2,j2k", false},
    {"image/jpx", "jp2,j2k", false},
    {"image/jpm", "jp2", false},
    {"image/j2c", "j2k,jp2", false},
    {"image/jph*", "jp2,j2k", false},
    {"image/jxl", "jxl", false},
    {"image/jxr", "jxr", false},
    {"image/vnd.ms-photo", "jxr", false},
    {"image/tiff", "tiff", false},
    {"image/bmp", "bmp", false},
    {"image/x-ms-bmp", "bmp", false},
    {"image/svg+xml", "svg,xml,text,html,gzip", false},
    {"image/wsq", "wsq", false},
    {"image/x-wsq", "wsq", false},
    {"image/*", "jpeg,jpeg-ls,png,gif,webp,heic,avif,jp2,j2k,jxl,jxr,tiff,bmp,svg,psd,wsq,cr3", true},
    {"video/*", "mp4,avi,matroska,ogg,gif,heic,avif", true},
    {"audio/*", "mp4,wav,ogg,flac,mp3,matroska", true},
    {"font/*", "woff,xml,svg", true},
    {"application/pdf", "pdf", false},
    {"application/postscript", "postscript,pdf", false},
    {"application/zip", "zip", false},
    {"application/x-zip-compressed", "zip", false},
    {"application/java-archive", "zip", false},
    {"application/vnd.openxmlformats*", "zip,ole", false},
    {"application/vnd.oasis.opendocument*", "zip,xml", false},
    {"application/msword", "ole,zip,rtf,html,xml,text", false},
    {"application/vnd.ms-*", "ole,zip,rtf,html,xml,text,cab", true},
    {"application/gzip", "gzip", false},
    {"application/x-gzip", "gzip", false},
    {"application/x-7z-compressed", "7z", false},
    {"application/x-rar*", "rar", false},
    {"application/vnd.rar", "rar", false},
    {"application/x-xz", "xz", false},
    {"application/zstd", "zstd", false},
    {"application/x-bzip2", "bzip2", false},
    {"application/x-tar", "tar", true},
    {"application/vnd.sqlite3", "sqlite", false},
    {"application/x-sqlite3", "sqlite", false},
    {"application/rtf", "rtf", false},
    {"application/json*", TEXT_TYPES, false},
    {"application/xml*", TEXT_TYPES, false},
    {"application/javascript", TEXT_TYPES, false},
    {"application/x-javascript", TEXT_TYPES, false},
    {"application/x-www-form-urlencoded", TEXT_TYPES, false},
    {"application/x-ndjson", TEXT_TYPES, false},
    {"application/edifact", TEXT_TYPES, false},
    {"application/sql", TEXT_TYPES, false},
    {"text/*", TEXT_TYPES ",an2k,plates", false},
};

static bool fits(const char *pattern, const char *media_type, size_t len)
{
    size_t n = strlen(pattern);
    if (pattern[n - 1] == '*')
        return len >= n - 1 && strncasecmp(pattern, media_type, n - 1) == 0;
    return len == n && strncasecmp(pattern, media_type, n) == 0;
}

static bool has_type(const char *list, const char *type)
{
    size_t n = strlen(type);
    while (*list) {
        size_t word = strcspn(list, ",");
        if (word == n && memcmp(list, type, n) == 0)
            return true;
        list += word + (list[word] == ',');
    }
    return false;
}

bool facts_type_mismatch(const char *declared, const char *type)
{
    size_t len = strcspn(declared, "; \t");
    if (!type[0] || strcmp(type, "empty") == 0 || strcmp(type, "flow") == 0)
        return false;
    for (size_t i = 0; i < sizeof(DECLARATIONS) / sizeof(DECLARATIONS[0]); i++) {
        const struct declaration *d = &DECLARATIONS[i];
        if (fits(d->media_type, declared, len))
            return !has_type(d->types, type) && !(d->loose && strcmp(type, "data") == 0);
    }
    return false;
}
