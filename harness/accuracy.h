/* Accuracy of a trained network: in float, in integers, and how far they are apart. */
#ifndef BT_ACCURACY_H
#define BT_ACCURACY_H

#include <stdint.h>

#include "harness/error.h"
#include "harness/model.h"
#include "harness/record.h"
#include "reference/graph/graph_calibrate.h"

/**
 * @brief  Runs the float network, where there is one, and the int8 reference on the first pictures. Classes are ranked by their
 *         scores before the softmax; of equal scores the lower class is first. Boxes are decoded as bt_detect() says.
 * @param[in]  graph     The int8 network: the trained one, or the same pruned.
 * @param[in]  images    0: all there are.
 * @param[out] accuracy  All but compared and max_drop.
 * @param[out] errors    One per node of the graph, of what float and int8 differ by; unchanged without a float network.
 * @return BT_OK; BT_EINPUT (a picture, or a label that is no class); BT_EINVAL (heads that are no nodes); BT_ENOMEM.
 */
BT_MUST_CHECK enum bt_status bt_accuracy_measure(const struct bt_trained *trained, const struct bt_graph *graph,
                                                 uint32_t images, struct bt_accuracy *accuracy,
                                                 struct bt_quantisation_error *errors, struct bt_error *err);

/** Percent: top-1, or mAP@0.5 of a detector; of float and of int8. */
double bt_accuracy_float(const struct bt_accuracy *accuracy);
double bt_accuracy_int8(const struct bt_accuracy *accuracy);

/**
 * @brief  Wilson's score interval of a share, 95 %.
 * @param[in] right, count  0 <= right <= count; count 0 gives 0 to 100.
 * @source E. B. Wilson, Probable inference, the law of succession, and statistical inference, 1927.
 */
void bt_wilson(uint32_t right, uint32_t count, double *low_percent, double *high_percent);

/**
 * @brief  The verdict, and one line about it: SKIP where max_drop asks for what was not measured, or nothing was; FAIL where the drop is above max_drop, or where all pictures of the set were measured
 *         and the card states another accuracy (to a hundredth).
 * @param[in]  whole  All pictures were measured, on weights as they were trained.
 */
enum bt_verdict bt_accuracy_judge(const struct bt_accuracy *accuracy, const struct bt_model_card *card, bool whole,
                                  char *reason, size_t reason_bytes);

/** One line for people: percentages with their intervals, drop, agreement, pictures. */
void bt_accuracy_text(const struct bt_accuracy *accuracy, char *text, size_t text_bytes);

#endif
