/* Cases of rules as a tuner writes them (rules/README.md, "Cases"): a line says one thing, `#` begins a comment.
 *
 *     rule outbound_jpeg_photo         the rule the cases below speak of
 *     case a portrait from a form      begins a case; the words are its name
 *     expect match                     or: expect no match
 *     fact method=POST                 as rules test --fact; any number of them
 *     jpeg 480x600                     what the object is made of, piece after piece (case_body.h); none: no bytes
 */
#ifndef DLP_CLI_CASE_FILE_H
#define DLP_CLI_CASE_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/case_body.h"

#define CASE_FACTS_MAX 32
#define CASE_NAME_MAX 128

struct rule_case {
    char rule[CASE_NAME_MAX];
    char name[CASE_NAME_MAX];
    unsigned line; /* of `case` */
    bool expected_said, expected;
    size_t fact_count;
    char *facts[CASE_FACTS_MAX]; /* NAME=VALUE, checked */
    struct case_body body;
};

struct case_file {
    FILE *file;
    const char *path;
    unsigned line;
    char *text;       /* the line just read */
    size_t text_size;
    char rule[CASE_NAME_MAX];
    bool held;        /* `text` was read ahead: the next case begins there */
};

enum case_read { CASE_ONE, CASE_END, CASE_BAD };

bool case_file_open(struct case_file *cases, const char *path); /* false, said in the log */
/* The next case; BAD when the file cannot be understood: said in the log with file and line. */
enum case_read case_file_next(struct case_file *cases, struct rule_case *next);
void rule_case_free(struct rule_case *c);
void case_file_close(struct case_file *cases);

#endif
