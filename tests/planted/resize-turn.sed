# A read goes on in the old memory, past the end of the bytes from before the resize.
# Kernel: 6.12
# Suite: check_resize
# Found-by: not ok .*every_byte_is_read_in_order
/^static const void \*bufflink_next_piece/,/^}/ {
	/bufflink_is_turning(ring))$/,/ring->turn/d
}
