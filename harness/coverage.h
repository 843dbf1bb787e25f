/*
 * Included first in every file of the build that counts lines (`make coverage`), and nowhere else: a worker process ends with
 * _exit(), before which what it reached must be written. A test that lets no file grow hinders that, which must end nobody.
 */
#ifndef BT_COVERAGE_H
#define BT_COVERAGE_H

#include <signal.h>
#include <unistd.h>

/** libgcov's: adds the counts of this process to the files of all. */
void __gcov_dump(void); /* NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): the library's name */

#define _exit(status)                                                                                                  \
    ((void)signal(SIGXFSZ, SIG_IGN), __gcov_dump(),                                                                    \
     (_exit)(status)) /* NOLINT(bugprone-reserved-identifier): what it stands for */

#endif
