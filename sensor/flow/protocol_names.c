/* nDPI's protocols under the names EVE uses for app_proto; those EVE has no name for keep nDPI's,
 * in lower case. */
#include <ctype.h>
#include <ndpi/ndpi_api.h>

#include "flow/classify.h"

static const struct {
    uint16_t id;
    const char *name;
} EVE_NAMES[] = {
    {NDPI_PROTOCOL_FTP_CONTROL, "ftp"},  {NDPI_PROTOCOL_FTP_DATA, "ftp-data"},
    {NDPI_PROTOCOL_MAIL_POP, "pop3"},    {NDPI_PROTOCOL_MAIL_SMTP, "smtp"},
    {NDPI_PROTOCOL_MAIL_IMAP, "imap"},   {NDPI_PROTOCOL_MAIL_POPS, "tls"},
    {NDPI_PROTOCOL_MAIL_SMTPS, "tls"},   {NDPI_PROTOCOL_MAIL_IMAPS, "tls"},
    {NDPI_PROTOCOL_DOH_DOT, "tls"},      {NDPI_PROTOCOL_SMBV1, "smb"},
    {NDPI_PROTOCOL_SMBV23, "smb"},       {NDPI_PROTOCOL_KERBEROS, "krb5"},
    {NDPI_PROTOCOL_VNC, "rfb"},          {NDPI_PROTOCOL_HTTP_CONNECT, "http"},
    {NDPI_PROTOCOL_HTTP_PROXY, "http"},  {NDPI_PROTOCOL_WEBSOCKET, "http"},
    {NDPI_PROTOCOL_SOAP, "http"},        {NDPI_PROTOCOL_OCSP, "http"},
    {NDPI_PROTOCOL_IPP, "http"},         {NDPI_PROTOCOL_POSTGRES, "pgsql"},
    {NDPI_PROTOCOL_ETHERNET_IP, "enip"}, {NDPI_PROTOCOL_MDNS, "dns"},
    {NDPI_PROTOCOL_LLMNR, "dns"},        {NDPI_PROTOCOL_DCERPC, "dcerpc"},
    {NDPI_PROTOCOL_IP_IPSEC, "ike"},
};

void classify_eve_name(uint16_t ndpi_id, const char *ndpi_name, char *text, size_t len)
{
    const char *name = ndpi_name;
    for (size_t i = 0; i < sizeof(EVE_NAMES) / sizeof(EVE_NAMES[0]); i++) {
        if (EVE_NAMES[i].id == ndpi_id)
            name = EVE_NAMES[i].name;
    }
    size_t n = 0;
    for (; name[n] && n + 1 < len; n++)
        text[n] = isalnum((unsigned char)name[n]) ? (char)tolower((unsigned char)name[n]) : '-';
    text[n] = '\0';
}
