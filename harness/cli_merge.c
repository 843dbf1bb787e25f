#include <stdlib.h>

#include "harness/cli.h"
#include "harness/cli_report.h"
#include "harness/merge.h"

static int merge(const struct bt_cli *cli, struct bt_error *err)
{
    int status = BT_EXIT_ERROR;
    struct bt_results results;
    struct bt_gate *gates = NULL;
    uint32_t gate_count = 0;
    if (bt_merge(cli->files, cli->file_count, &results, err) != BT_OK) {
        return status;
    }
    if (bt_report_gates(results.limits, results.limit_count, results.records, results.count, &gates, &gate_count) !=
        BT_OK) {
        (void)bt_fail(err, BT_ENOMEM, "out of memory");
        goto cleanup;
    }
    const struct bt_report report = bt_results_report(&results, gates, gate_count);
    status = bt_cli_conclude(cli, &report, err);

cleanup:
    free(gates);
    bt_results_free(&results);
    return status;
}

int bt_cli_merge(const struct bt_cli *cli)
{
    struct bt_error err = {""};
    const int status = bt_cli_finish(merge(cli, &err));
    if (err.text[0] != '\0') {
        bt_cli_complain(&err);
    }
    return status;
}
