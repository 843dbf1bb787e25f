/* A failed assertion is told on the console and ends the program with BT_FW_EXIT_ASSERT. */
#ifndef FW_ASSERT_H
#define FW_ASSERT_H

_Noreturn void fw_assert_failed(const char *file, unsigned line, const char *expression);

#define assert(condition) ((condition) ? (void)0 : fw_assert_failed(__FILE__, __LINE__, #condition))

#endif
