#!/bin/sh
# Tries the two commands of README.md on a bare Debian: make run and make test, in a fresh clone inside a minbase chroot.
# usage: deploy/try-bare.sh bookworm|trixie [CACHE-FOLDER]
#
# As root. Needs debootstrap, git and a network. CACHE-FOLDER (default /var/cache/yingqiao-bare) keeps a pristine chroot for the
# next time; what is committed here (HEAD) is what is tried. SHARED=dir is laid beside the clone as ../shared. MIRROR names another mirror.
# KEEP=1 leaves the chroot there. The last lines say how each command ended.
#
# apt uses the mirror that the chroot was made from. npm uses the registry, the proxy and the certificates that npm of this machine is set to,
# by npm_config_* in the environment or its own files; without npm here, what the environment says.
set -eu
[ "$(id -u)" = 0 ] || { echo "run it as root" >&2; exit 1; }
release=${1:-}
case $release in
bookworm | trixie) ;;
*) sed -n '2,/^set -eu/{/^#/s/^# \{0,1\}//p}' "$0"; exit 2 ;;
esac
cache=${2:-/var/cache/yingqiao-bare}
tree=$(cd "$(dirname "$0")/.." && pwd)

mkdir -p "$cache"
if [ ! -e "$cache/$release/etc/debian_version" ]; then
	rm -rf "$cache/$release.new"
	debootstrap --variant=minbase "$release" "$cache/$release.new" ${MIRROR:+"$MIRROR"}
	mv "$cache/$release.new" "$cache/$release"
fi

root=$(mktemp -d "${TMPDIR:-/tmp}/yq-bare-$release.XXXXXX")
inside() {
	# shellcheck disable=SC2086 # one word a setting
	chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TERM="${TERM:-dumb}" $passed "$@"
}
# The value of a setting of npm here, empty when there is none.
npm_setting() {
	value=$(eval "printf %s \"\${npm_config_$1:-}\"")
	if [ -z "$value" ] && command -v npm >/dev/null 2>&1; then
		value=$(npm config get "$(printf %s "$1" | tr _ -)" 2>/dev/null || true)
	fi
	case $value in
	null | undefined) ;;
	*) printf %s "$value" ;;
	esac
}
# What goes into $passed: NAME=VALUE words, so nothing with a blank in it.
pass() {
	case $2 in
	'' | *[[:space:]]*) ;;
	*) passed="$passed $1=$2" ;;
	esac
}
pass_network() {
	passed=
	for name in registry proxy https_proxy noproxy strict_ssl; do
		pass "npm_config_$name" "$(npm_setting "$name")"
	done
	for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
		pass "$name" "$(eval "printf %s \"\${$name:-}\"")"
	done
	certificates=$(npm_setting cafile)
	certificates=${certificates:-${NODE_EXTRA_CA_CERTS:-}}
	[ -r "$certificates" ] || return 0
	cp -L "$certificates" "$root/root/npm-ca.pem"
	pass npm_config_cafile /root/npm-ca.pem
	pass NODE_EXTRA_CA_CERTS /root/npm-ca.pem
}
passed=
clean() {
	status=$?
	trap '' HUP INT TERM
	[ ! -x "$root/usr/bin/make" ] || inside make -s -C /root/yingqiao stop >/dev/null 2>&1 || true
	umount "$root/proc" "$root/dev/shm" "$root/dev" 2>/dev/null || true
	if [ -n "${KEEP:-}" ]; then
		echo "left there: $root"
	elif ! mount | grep -q " $root/"; then
		rm -rf "$root"
	fi
	exit "$status"
}
trap clean EXIT
trap 'exit 130' HUP INT TERM

cp -a "$cache/$release/." "$root/"
cp -L /etc/resolv.conf "$root/etc/resolv.conf" 2>/dev/null || true
pass_network
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/dev/shm"

echo "--- apt-get install -y make git ca-certificates"
inside sh -c 'apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q install -y make git ca-certificates' \
	>"$root/root/apt.log" 2>&1 </dev/null || { tail -n 20 "$root/root/apt.log"; exit 1; }
git -C "$tree" bundle create "$root/root/tree.bundle" HEAD >/dev/null 2>&1
inside git clone -q /root/tree.bundle /root/yingqiao
[ -z "${SHARED:-}" ] || cp -r "$SHARED" "$root/root/shared"

results=
failed=0
for target in run test; do
	echo "--- make $target"
	start=$(date +%s)
	status=0
	inside make -C /root/yingqiao "$target" YQ_DICOM_PORT="${YQ_DICOM_PORT:-11212}" YQ_HTTP_PORT="${YQ_HTTP_PORT:-8180}" \
		${YQ_DEMO_SITE_PORT:+"YQ_DEMO_SITE_PORT=$YQ_DEMO_SITE_PORT"} </dev/null || status=$?
	results="$results
$release make $target: exit status $status after $(($(date +%s) - start)) s"
	[ "$status" = 0 ] || failed=1
done
echo "$results"
exit "$failed"
