# SPDX-License-Identifier: GPL-2.0-only
# usage: gnuplot plot.gp >append.svg, beside the *.dat of report.py
set terminal svg size 1000,440 font "sans,12" background "white"
set multiplot
set datafile missing "NaN"
set logscale x 2
set logscale y 10
set xrange [7:4700]
set xtics (8, 32, 64, 128, 256, "1 K" 1024, "4 K" 4096)
set grid ytics
set style data linespoints
set style line 1 linecolor rgb "#888888" pointtype 1	# printk
set style line 2 linecolor rgb "#b07aa1" pointtype 2
set style line 3 linecolor rgb "#9c755f" pointtype 4
set style line 4 linecolor rgb "#76b7b2" pointtype 6
set style line 5 linecolor rgb "#edc948" pointtype 8
set style line 6 linecolor rgb "#59a14f" pointtype 10
set style line 7 linecolor rgb "#d62728" pointtype 7 linewidth 3	# bufflink
set style line 8 linecolor rgb "#4e79a7" pointtype 12
set style line 9 linecolor rgb "#000000" pointtype 0 dashtype 2	# the floor
peers = "printk netlink trace bpf relay+lock kfifo bufflink relay lock+memcpy"

set lmargin at screen 0.06
set rmargin at screen 0.42
set nokey
set title "instructions of an append, by bytes of the record\n(Debian's Linux in QEMU)"
plot for [i=1:words(peers)] "instructions.dat" \
	using "size":word(peers, i) linestyle i

set lmargin at screen 0.48
set rmargin at screen 0.84
set key at screen 0.99, screen 0.9 samplen 2 spacing 1.3
set title "nanoseconds of an append, by bytes of the record\n(User-Mode Linux, with locks put back)"
plot for [i=1:words(peers)] "time-real.dat" \
	using "size":word(peers, i) title word(peers, i) linestyle i
unset multiplot
