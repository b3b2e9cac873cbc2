# The Go program (1.x) came in one package or in two, and ran as vpp-maglevd.service or as
# vpp-maglev.service. It must be gone before ours begins: both would program VPP. (Its dashboard may go on
# until ours takes its place.) Which of its units were in use is for vpp-maglevd's postinst to know: when
# that runs, nothing else tells.
was_in_use=/run/vpp-maglevd.was-in-use

# Does this package hold its daemon?
holds_go_program() {
	version=$(dpkg-query -W -f '${Version}' "$1" 2>/dev/null) && [ -n "$version" ] &&
		dpkg --compare-versions "$version" lt 2.0.0~ &&
		dpkg-query -L "$1" 2>/dev/null | grep -q '/maglevd$'
}

end_go_program() {
	mkdir -p /run
	for unit in vpp-maglevd.service vpp-maglev.service vpp-maglev-frontend.service; do
		if systemctl --quiet is-enabled $unit 2>/dev/null || systemctl --quiet is-active $unit 2>/dev/null; then
			echo $unit >>$was_in_use
		fi
	done
	if [ -d /run/systemd/system ]; then
		deb-systemd-invoke stop vpp-maglevd.service vpp-maglev.service >/dev/null 2>&1 || true
	fi
	systemctl --quiet disable vpp-maglevd.service 2>/dev/null || true
}
