# A second reader beside one that opened with O_EXCL.
# Kernel: 6.12
# Suite: check_read,check_create
# Found-by: not ok .*:an_exclusive_reader_keeps_others_from_reading:
s/atomic_inc_unless_negative(&bl->readers)/(atomic_inc(\&bl->readers), true)/
