/*
 * What this program was built from: digests of the sources that decide results, made by ci/build-info. The files that only
 * choose, collect and show results (front.txt there) are left out, so that a change of a report runs nothing again.
 */
#ifndef BT_BUILD_INFO_H
#define BT_BUILD_INFO_H

struct bt_room_digest {
    const char *room, *digest;
};

struct bt_build_info {
    const char *verilator, *compiler;
    const char *common;                 /**< of everything outside the rooms */
    const struct bt_room_digest *rooms; /**< of each room's C; ends with NULL */
};

extern const struct bt_build_info bt_build_info;

#endif
