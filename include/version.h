/* The version, once. */
#ifndef DLP_VERSION_H
#define DLP_VERSION_H

#define DLP_VERSION "0.1.0"

#endif
