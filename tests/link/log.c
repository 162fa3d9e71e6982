/* SPDX-License-Identifier: Apache-2.0 */
/* The component that calls its port, and the one reference to that port. */
#include "log.h"

AX_API_ACCESS(my_log, MY_LOG_API);
AX_API_BIND(my_log, MY_LOG_VERSION, MY_LOG_API);

void log_line(const char *text)
{
	if (my_log_api()->write)
		my_log_api()->write(text);
	if (my_log_api()->flush)
		my_log_api()->flush();
}
