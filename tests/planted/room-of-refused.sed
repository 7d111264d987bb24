# A write that ends the wait for more room, and wakes no program that polls for it.
# Kernel: 6.12
# Suite: check_poll
# Found-by: not ok .*:a_smaller_write_to_the_file_wakes_a_poll_for_the_room_of
/^static void bufflink_set_wanted_room/,/^}/s/> size)/> SIZE_MAX)/
