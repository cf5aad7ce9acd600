/* SPDX-License-Identifier: BSD-3-Clause */
/** @file One CUnit suite a program: TEST_MAIN() runs it and turns its failures into the exit code. */
#ifndef PTCP_TESTS_TEST_H
#define PTCP_TESTS_TEST_H

#include <stdio.h>
#include <stdlib.h>

#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>

/** One row of a test table: the function's own name is the test's name. */
#define TEST(fn)                                                                                   \
	{                                                                                          \
		.pName = #fn, .pTestFunc = fn                                                      \
	}

/** Run @p tests (ended by CU_TEST_INFO_NULL) as the suite @p name; 0 only if every one passed. */
static inline int
test_run(const char *name, CU_TestInfo *tests)
{
	CU_SuiteInfo suites[] = {{.pName = name, .pTests = tests}, CU_SUITE_INFO_NULL};
	unsigned int failed;

	if (CU_initialize_registry() != CUE_SUCCESS || CU_register_suites(suites) != CUE_SUCCESS) {
		fprintf(stderr, "%s: CUnit: %s\n", name, CU_get_error_msg());
		return EXIT_FAILURE;
	}
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failed = CU_get_number_of_failures();
	if (CU_get_number_of_tests_run() == 0) {
		fprintf(stderr, "%s: no test ran\n", name);
		failed = 1;
	}
	CU_cleanup_registry();
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#define TEST_MAIN(name, tests)                                                                     \
	int main(void)                                                                             \
	{                                                                                          \
		return test_run(name, tests);                                                      \
	}

#endif
