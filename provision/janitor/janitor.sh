# The janitor: started before anything that it has to clear away, it blocks until
# the program that started it closes its end of the pipe, by Sweep or by dying of
# anything, kill -9 included. Then nothing stays.
# Arguments: a rack's own folder or an empty text, then network namespaces.
# Exit code: 0 when everything is gone.
trap '' INT TERM HUP QUIT PIPE
read -r _
dir=$1
shift
rc=0
for ns in "$@"; do
	[ -e "/run/netns/$ns" ] || continue
	# Whoever runs in a namespace of ours is ours: the kernel says so at this
	# moment, whereas a recorded process id may belong to another process by now.
	n=0
	while pids=$(ip netns pids "$ns" 2>/dev/null) && [ -n "$pids" ] && [ $n -lt 100 ]; do
		for pid in $pids; do kill -KILL "$pid" 2>/dev/null; done
		sleep 0.05
		n=$((n + 1))
	done
	ip netns delete "$ns" 2>/dev/null || rc=1
done
case $dir in
'') ;;
*/rackhand-rack-*) rm -rf -- "$dir" || rc=1 ;;
*) rc=1 ;;
esac
exit $rc
