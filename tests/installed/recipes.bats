# SPDX-License-Identifier: GPL-2.0-only
# In the VM: the recipes of Documentation/recipes.md, word for word but for the
# names of other machines, with the programs that they send the stream to.
load lines

unit=bufflink-kafka@.service

setup_file() {
	cp /mnt/recipes/* "$BATS_FILE_TMPDIR"
}

setup() {
	cd "$BATS_FILE_TMPDIR"
	cluster=
}

teardown() {
	rmmod lines || :
	if [ "$cluster" ]; then
		kill $cluster
		kill -CONT $cluster
		wait $cluster
	fi
}

# make_buffer SIZE [NAME]
make_buffer() {
	modprobe lines size="$1" ${2+name="$2"}
	udevadm settle -t 60
	is owner lines		# that of the number in the recipes
}

is() {
	[ "$(cat /sys/class/misc/bufflink0/"$1")" = "$2" ]
}

# start RECIPE
start() {
	sh -eux "$1" >out 2>&1 3>&- &
	recipe=$!
}

# A stream with a loss in it goes through the recipe.
run_with_a_loss() {
	make_buffer 4096	# 64 lines
	append 81
	start "$1"
	wait_for is overflow 0
	append 2
	rmmod lines
	wait $recipe
	lines 1-64 >expected
	echo "bufflink: /dev/bufflink0: lost 17 records (1088 bytes) at byte 4096" \
		>>expected
	lines 82-83 >>expected
}

# A cluster in a kcat, which prints each message that comes to it.
start_kafka() {
	kcat -C -u -E -b none -X test.mock.num.brokers=1 -d mock \
		-t bufflink -p 0 >arrived 2>log 3>&- &
	cluster=$!
	wait_for grep -q bootstrap.servers= log
	address=$(sed -n 's/.*bootstrap.servers=//p' log)
	sed "s/kafka.example:9092/$address/" to-kafka >to-mock
}

# Of so many lines, each arrived, or is counted by a report at its place.
all_are_known() {
	awk -v all="$1" '
		$1 == "line" { known++; bytes += 64; wrong += $2 != known }
		/lost/ { known += $4; wrong += $NF != bytes }
		END { exit wrong || known != all }' arrived
}

has_arrived() {
	cmp -s expected arrived
}

in_syslog() {
	sed 's/.* bufflink \(line\|bufflink\)/\1/' /var/log/syslog |
		grep -F -x -f expected | cmp -s expected
}

@test "the journal gets the stream, with a loss at its place" {
	run_with_a_loss to-journal
	journalctl --sync
	journalctl -b -t bufflink -o cat | diff expected -
}

@test "rsyslog gets the stream, with a loss at its place" {
	cp bufflink.conf /etc/rsyslog.d/
	systemctl restart rsyslog
	sed -i 's/logs.example/127.0.0.1/' to-rsyslog
	run_with_a_loss to-rsyslog
	wait_for in_syslog
}

@test "Kafka gets the stream, with a loss at its place" {
	start_kafka
	run_with_a_loss to-mock
	wait_for has_arrived
}

@test "while Kafka hangs the buffer fills, and each loss is marked in its place" {
	start_kafka
	make_buffer 65536
	# little memory, and more patience than this test needs
	printf '%s\n' queue.buffering.max.messages=100 \
		request.timeout.ms=300000 socket.timeout.ms=300000 >kcat.conf
	KCAT_CONFIG=kcat.conf start to-mock
	total=500
	append $total
	wait_for test -s arrived
	kill -STOP $cluster
	while is lost_records 0; do
		append 50
		total=$((total + 50))
		sleep 0.1
	done
	append 100
	kill -CONT $cluster
	wait_for is used 0
	append 100
	lost=$(cat /sys/class/misc/bufflink0/lost_records)
	rmmod lines
	wait $recipe
	wait_for all_are_known $((total + 200))
	grep "lost $lost records" arrived
}

# With a name that systemd has to escape.
@test "the unit, stopped and started, loses nothing" {
	start_kafka
	make_buffer 65536 a.B_c+d-e
	instance=bufflink-kafka@$(systemd-escape lines/a.B_c+d-e)
	sed "s/kafka.example:9092/$address/" $unit >/etc/systemd/system/$unit
	systemctl daemon-reload
	sed -i 's,hello/0,lines/a.B_c+d-e,' enable
	sh -eux enable
	for total in 300 600 900; do
		append 200
		systemctl stop "$instance"
		append 100
		systemctl start "$instance"
	done
	main=$(systemctl show -P MainPID "$instance")
	[ "$(stat -c %U "/proc/$main")" != root ]
	wait_for is used 0
	systemctl stop "$instance"
	lines 1-$total >expected
	wait_for has_arrived
}
