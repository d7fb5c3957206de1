/* `dlp-sensor version`: what was built, and what it was built and runs with. */
#include <event2/event.h>
#include <gnu/libc-version.h>
#include <hiredis/hiredis.h>
#include <hs/hs.h>
#include <htp/htp.h>
#include <ndpi/ndpi_api.h>
#include <openssl/crypto.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <yaml.h>
#include <yara.h>
#include <zlib.h>
#include <zstd.h>

#include "cli/cli.h"
#include "version.h"

int cli_version(const struct config *config, const struct string_list *operands)
{
    (void)config;
    (void)operands;
    printf("dlp-sensor %s\n", DLP_VERSION);
    printf("  libpcap     runs %s\n", pcap_lib_version());
    printf("  nDPI        runs %s\n", ndpi_revision());
    printf("  libyara     built %s\n", YR_VERSION);
    printf("  hiredis     built %d.%d.%d\n", HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH);
    printf("  libevent    built %s, runs %s\n", LIBEVENT_VERSION, event_get_version());
    printf("  libhtp      runs %s\n", htp_get_version());
    printf("  Hyperscan   built %d.%d.%d, runs %s\n", HS_MAJOR, HS_MINOR, HS_PATCH, hs_version());
    printf("  OpenSSL     built %s, runs %s\n", OPENSSL_VERSION_TEXT, OpenSSL_version(OPENSSL_VERSION));
    printf("  zlib        built %s, runs %s\n", ZLIB_VERSION, zlibVersion());
    printf("  zstd        built %s, runs %s\n", ZSTD_VERSION_STRING, ZSTD_versionString());
    printf("  libyaml     runs %s\n", yaml_get_version_string());
    printf("  glibc       runs %s\n", gnu_get_libc_version());
    return 0;
}
