/* What only the host does for rooms of the DaDianNao family: packed weights, the bit-true model, texts of reports. */
#ifndef BT_BRICK_HOST_H
#define BT_BRICK_HOST_H

#include "reference/common/bt_brick.h"

/** Gives the schedule of one warp, valid until the next call. @return BT_OK; BT_ENOMEM. */
typedef enum bt_status (*bt_brick_scheduler)(void *context, const struct bt_brick_plan *plan,
                                             const struct bt_layer_data *data, int32_t warp, const int32_t *channels,
                                             struct bt_brick_schedule *schedule);

/** The dense schedule: every row is a step. @param[in] context  Room for plan->rows of int32_t. */
enum bt_status bt_brick_dense(void *context, const struct bt_brick_plan *plan, const struct bt_layer_data *data,
                              int32_t warp, const int32_t *channels, struct bt_brick_schedule *schedule);

/**
 * @brief  Packs all warps.
 * @param[in]  plan      After bt_brick_map().
 * @param[in]  channels  [warps][slots], -1 where there is none; slot s holds channels that are s modulo slots.
 * @param[in]  scheduled For the report.
 * @param[out] aux       Allocated; see struct bt_brick_aux.
 * @return BT_OK; BT_ENOMEM; what the scheduler returns.
 */
BT_MUST_CHECK enum bt_status bt_brick_prepare(const struct bt_brick_plan *plan, const struct bt_brick_connect *connect,
                                              const struct bt_layer_data *data, const int32_t *channels,
                                              bt_brick_scheduler scheduler, void *context, bool scheduled,
                                              struct bt_blob *aux);

/** Channels in their own order, for bt_brick_prepare(); freed by the caller. NULL: there is no memory. */
int32_t *bt_brick_in_order(const struct bt_brick_plan *plan);

/** An aux that says: the raw stream of these weights. */
BT_MUST_CHECK enum bt_status bt_brick_prepare_raw(const struct bt_brick_plan *plan, const struct bt_layer_data *data,
                                                  struct bt_blob *aux);

/**
 * @brief  Is a blob from a file one that bt_brick_prepare() could have made of these weights? All of it is checked.
 * @return BT_OK; BT_EINPUT with what is wrong: of a weight, why->got is the first wrong lane (bt_brick_verify()).
 */
BT_MUST_CHECK enum bt_status bt_brick_accept(const struct bt_config *config, const struct bt_layer *layers,
                                             uint32_t count, const struct bt_brick_connect *connect,
                                             const struct bt_layer_data *data, const struct bt_blob *aux,
                                             struct bt_reason *why);

/** Cycles of the layer with these weights, on its best bands. @return UINT64_MAX where the time model gives none. */
uint64_t bt_brick_best_cycles(const struct bt_config *config, const struct bt_layer *layer, const struct bt_blob *aux);

/** From a sum with its bias, of 32 bits or 48, to the result. */
typedef int32_t (*bt_brick_finisher)(const struct bt_brick_plan *plan, const struct bt_layer_data *data, int64_t sum,
                                     int32_t mult, int32_t shift);

/**
 * @brief  Bit-true model: reads the weight stream as the hardware does, and adds what each weight of it meets.
 * @return BT_OK; BT_ENOMEM; BT_EINPUT (a stream that is none).
 */
enum bt_status bt_brick_model(const void *plan, const struct bt_brick_connect *connect,
                              const struct bt_layer_data *data, const struct bt_blob *aux, bt_brick_finisher finish,
                              void *ofmap);

void bt_brick_locate(const void *plan, uint64_t elem, char *text, size_t text_bytes);
void bt_brick_describe(const void *plan, char *text, size_t text_bytes);

/**
 * The dissertation's equations 4.1 to 4.3 for a machine whose columns are slots and whose rows are the lanes: m and n padded
 * to whole multiples of them, and the data of the bus; cycles.
 */
uint64_t bt_brick_roofline(const struct bt_config *config, const struct bt_layer *layers, uint32_t count);

#endif
