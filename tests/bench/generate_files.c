/* Kind mail-files: a photograph in each flow, as an attachment (SMTP, IMAP), written to a share (SMB2), or uploaded (FTP,
 * whose data connection follows its session). */
#include "generate.h"

#include <string.h>

static void say(struct flow *f, int side, const char *text)
{
    size_t len = strlen(text);
    add(f, side, memcpy(make(len), text, len), len);
}

static size_t base64(const uint8_t *from, size_t len, uint8_t *out)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t *p = out;
    for (size_t i = 0; i < len; i += 3) {
        uint32_t bits = (uint32_t)from[i] << 16 | (i + 1 < len ? (uint32_t)from[i + 1] << 8 : 0) | (i + 2 < len ? from[i + 2] : 0u);
        *p++ = (uint8_t)letters[bits >> 18];
        *p++ = (uint8_t)letters[bits >> 12 & 63];
        *p++ = i + 1 < len ? (uint8_t)letters[bits >> 6 & 63] : '=';
        *p++ = i + 2 < len ? (uint8_t)letters[bits & 63] : '=';
        if (i % 57 == 54)
            p = put(p, "\r\n", 2);
    }
    return (size_t)(p - out);
}

/* A message with a picture of `size` bytes attached; room for twice the picture and a head. */
static size_t message(struct maker *m, uint8_t *out, size_t size)
{
    static const char end[] = "\r\n--b\r\nContent-Type: text/plain\r\n\r\nregards\r\n--b--\r\n";
    uint8_t *picture = make(size);
    int head = snprintf((char *)out, 512,
                        "From: a@example.com\r\nTo: b@example.org\r\nSubject: photograph %llu\r\nMIME-Version: 1.0\r\n"
                        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: image/jpeg\r\n"
                        "Content-Transfer-Encoding: base64\r\n"
                        "Content-Disposition: attachment; filename=\"IMG_%06llu.JPG\"\r\n\r\n",
                        (unsigned long long)m->flow_number, (unsigned long long)m->flow_number);
    size_t len = (size_t)head + base64(picture, jpeg(m, picture, size), out + head);
    free(picture);
    return (size_t)(put(out + len, end, sizeof(end) - 1) - out);
}

static void smtp(struct maker *m, struct flow *f, size_t size)
{
    uint8_t *text = make(size * 2 + 1024);
    address(m, f, 25, false);
    say(f, SERVER, "220 mx.example.org ESMTP\r\n");
    say(f, CLIENT, "EHLO desk.example.com\r\n");
    say(f, SERVER, "250-mx.example.org\r\n250-PIPELINING\r\n250 8BITMIME\r\n");
    say(f, CLIENT, "MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n");
    say(f, SERVER, "250 ok\r\n250 ok\r\n354 go\r\n");
    size_t len = message(m, text, size);
    add(f, CLIENT, text, (size_t)(put(text + len, ".\r\nQUIT\r\n", 9) - text));
    say(f, SERVER, "250 taken\r\n221 bye\r\n");
}

static void imap(struct maker *m, struct flow *f, size_t size)
{
    uint8_t *text = make(size * 2 + 1024);
    char command[80];
    size_t len = message(m, text, size);
    address(m, f, 143, false);
    say(f, SERVER, "* OK IMAP4rev1 ready\r\n");
    say(f, CLIENT, "a LOGIN joe word\r\n");
    say(f, SERVER, "a OK\r\n");
    snprintf(command, sizeof(command), "b APPEND Drafts {%zu}\r\n", len);
    say(f, CLIENT, command);
    say(f, SERVER, "+ go\r\n");
    add(f, CLIENT, text, (size_t)(put(text + len, "\r\n", 2) - text));
    say(f, SERVER, "b OK done\r\n");
}

/* --- SMB2 (MS-SMB2 2.2.1) --- */

static uint8_t *smb(uint8_t *p, unsigned command, unsigned flags, unsigned number, size_t body)
{
    memset(p, 0, 68 + body);
    p[1] = (uint8_t)((64 + body) >> 16);
    put16(p + 2, (uint16_t)(64 + body));
    put(p + 4, "\xfeSMB\x40", 5);
    p[16] = (uint8_t)command;
    p[18] = 1; /* credits */
    p[20] = (uint8_t)flags;
    p[28] = (uint8_t)number;
    p[40] = 5; /* tree */
    return p + 68;
}

static void smb_answer(struct flow *f, unsigned command, unsigned number, size_t body, size_t handle_at)
{
    uint8_t *answer = make(68 + body), *p = smb(answer, command, 1, number, body);
    p[0] = (uint8_t)(body | 1);
    memset(p + handle_at, 7, handle_at ? 16 : 0);
    add(f, SERVER, answer, 68 + body);
}

static void share(struct maker *m, struct flow *f, size_t size)
{
    enum { NEGOTIATE = 0, CREATE = 5, CLOSE = 6, WRITE = 9, PIECE = 65536 };
    char name[32];
    int letters = snprintf(name, sizeof(name), "IMG_%06llu.JPG", (unsigned long long)m->flow_number);
    uint8_t *picture = make(size), *request = make(256), *p = smb(request, NEGOTIATE, 0, 0, 38);
    address(m, f, 445, false);
    jpeg(m, picture, size);
    p[0] = 36;
    p[2] = 1;
    put(p + 36, "\x10\x02", 2);
    add(f, CLIENT, request, 68 + 38);
    smb_answer(f, NEGOTIATE, 0, 64, 0);
    request = make(256);
    p = smb(request, CREATE, 0, 1, 56 + 2 * (size_t)letters);
    p[0] = 57;
    p[44] = 120;
    p[46] = (uint8_t)(2 * letters);
    for (int i = 0; i < letters; i++)
        p[56 + 2 * i] = (uint8_t)name[i];
    add(f, CLIENT, request, 68 + 56 + 2 * (size_t)letters);
    smb_answer(f, CREATE, 1, 88, 64);
    request = p = make(size + 128 * (size / PIECE + 1));
    unsigned number = 2;
    for (size_t at = 0; at < size; at += PIECE, number++) {
        size_t len = size - at < PIECE ? size - at : PIECE;
        uint8_t *body = smb(p, WRITE, 0, number, 48 + len);
        body[0] = 49;
        body[2] = 112;
        for (unsigned i = 0; i < 4; i++) {
            body[4 + i] = (uint8_t)(len >> 8 * i);
            body[8 + i] = (uint8_t)(at >> 8 * i);
        }
        memset(body + 16, 7, 16);
        p = put(body + 48, picture + at, len);
    }
    add(f, CLIENT, request, (size_t)(p - request));
    smb_answer(f, WRITE, 2, 16, 0);
    request = make(128);
    p = smb(request, CLOSE, 0, number, 24);
    p[0] = 24;
    memset(p + 8, 7, 16);
    add(f, CLIENT, request, 68 + 24);
    smb_answer(f, CLOSE, number, 60, 0);
    free(picture);
}

/* --- FTP --- */

static void ftp_session(struct maker *m, struct flow *f)
{
    char command[96];
    address(m, f, 21, false);
    say(f, SERVER, "220 ftp\r\n");
    say(f, CLIENT, "USER joe\r\n");
    say(f, SERVER, "331 word?\r\n");
    say(f, CLIENT, "PASS word\r\n");
    say(f, SERVER, "230 in\r\n");
    say(f, CLIENT, "PASV\r\n");
    m->data_port = (uint16_t)(40000 + m->flow_number % 20000);
    uint32_t a = f->address[SERVER];
    snprintf(command, sizeof(command), "227 passive (%u,%u,%u,%u,%u,%u)\r\n", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255,
             m->data_port >> 8, m->data_port & 255);
    say(f, SERVER, command);
    snprintf(command, sizeof(command), "STOR IMG_%06llu.JPG\r\n", (unsigned long long)m->flow_number);
    say(f, CLIENT, command);
    say(f, SERVER, "150 go\r\n");
    m->control = f;
    m->control_number = f->number;
}

static void ftp_data(struct maker *m, struct flow *f, size_t size)
{
    uint8_t *picture = make(size);
    address(m, f, m->data_port, false);
    f->behind = m->control;
    f->behind_number = m->control_number;
    f->behind_messages = 8;
    if (m->control->number == m->control_number) {
        f->address[CLIENT] = m->control->address[CLIENT];
        f->address[SERVER] = m->control->address[SERVER];
    }
    m->control = NULL;
    add(f, CLIENT, picture, jpeg(m, picture, size));
}

void fill_mail_files(struct maker *m, struct flow *f)
{
    size_t size = 120000 + below(m, 180000);
    unsigned kind = below(m, 100);
    if (m->control) {
        ftp_data(m, f, size);
        m->pictures++;
    } else if (kind < 20) {
        ftp_session(m, f);
    } else {
        (kind < 55 ? smtp : kind < 70 ? imap : share)(m, f, size);
        m->pictures++;
    }
}
