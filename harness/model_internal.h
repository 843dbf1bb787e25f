/* What the files of harness/model.h share. Nobody else includes this. */
#ifndef BT_MODEL_INTERNAL_H
#define BT_MODEL_INTERNAL_H

#include "harness/model.h"

/** A card without a name and a model: pixels from 0 to 1, KL, equalised, biases corrected, nothing stated. */
void bt_model_card_default(struct bt_model_card *card);

/** @return BT_OK; BT_EINPUT with file and line; BT_ENOMEM. */
BT_MUST_CHECK enum bt_status bt_model_card_load(const char *path, struct bt_model_card *card, struct bt_error *err);

#endif
