/* SPDX-License-Identifier: Apache-2.0 */
/* A module of this program's own, made with the public macros. */
#ifndef LOG_H
#define LOG_H

#include <axvisor/api.h>

void my_log_write(const char *text);
void my_log_flush(void);

#define MY_LOG_VERSION 1
#define MY_LOG_API(FN) FN(my_log, write) FN(my_log, flush)
AX_API_DECLARE(my_log, MY_LOG_VERSION, MY_LOG_API);

/* What the component offers to its users. */
void log_line(const char *text);

#endif /* LOG_H */
