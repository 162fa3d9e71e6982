#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Fetches an unmodified Debian kernel for one architecture: silent when it is there already, plain when
# it cannot be had.
#
#	tests/linux/fetch.sh aarch64|riscv64|x86_64
#
# The kernel is $AX_CACHE/linux/ARCH/kernel afterwards (AX_CACHE: .cache), and the package that it
# is from is named in `package` beside it.
#
# apt does it, from the archive and with the keyring that this machine gets its own packages from, but
# with a configuration, package lists and a state of its own: the machine's apt is not told of a foreign
# architecture or another release, and nothing is installed. apt checks the archive's signature and the
# package's hash.
set -u -o pipefail
cd "$(dirname "$0")/../.." || exit
export LC_ALL=C

# The kernels for virtual machines where there are such. Debian 12 has no riscv64; a mirror that is being
# updated may lack one release and have the next.
case ${1:-} in
aarch64) architecture=arm64 releases="bookworm trixie" package=linux-image-cloud-arm64 ;;
x86_64) architecture=amd64 releases="bookworm trixie" package=linux-image-cloud-amd64 ;;
riscv64) architecture=riscv64 releases="trixie forky" package=linux-image-riscv64 ;;
*)
	echo "usage: $0 aarch64|riscv64|x86_64" >&2
	exit 2
	;;
esac

cache=${AX_CACHE:-.cache}/linux
dir=$cache/$1
[ ! -s "$dir/kernel" ] || exit 0

fail() { # what, and the last lines of what apt said
	echo "fetching a Debian kernel for $architecture: $1" >&2
	[ ! -s "$work/log" ] || tail -n 20 "$work/log" >&2
	exit 1
}

# Two runs at once would fetch twice.
mkdir -p "$dir" || exit
exec 9>"$dir/lock"
flock 9
[ ! -s "$dir/kernel" ] || exit 0
work=$(mktemp -d "$(realpath "$dir")/work.XXXXXX") || exit
trap 'rm -rf "$work"' EXIT

command -v apt-get >/dev/null || fail "there is no apt here"

# The main archive that this machine uses, whatever mirror that is, and what it is trusted by.
mirror=$(apt-get indextargets --format '$(ORIGIN) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
	awk '$1 == "Debian" && $2 == "main" && $3 ~ /\/debian\/?$/ { print $3; exit }')
[ -n "$mirror" ] || fail "no Debian archive among this machine's apt sources (run apt-get update first)"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -s $keyring ] || fail "$keyring is missing: please install debian-archive-keyring"

mkdir -p "$work"/{lists,archives}/partial
touch "$work/status"
cat >"$work/apt.conf" <<END
APT::Architecture "$architecture";
APT::Architectures { "$architecture"; };
APT::Update::Error-Mode "any";
APT::Sandbox::User "$(id -un)";
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
Acquire::Languages "none";
Acquire::Retries "3";
Dir::Etc::SourceList "$work/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
Dir::State "$work";
Dir::State::Status "$work/status";
Dir::Cache "$work";
END
private() { # command...
	APT_CONFIG=$work/apt.conf "$@" 2>>"$work/log"
}

# The package called $package is empty and depends on the current version's; from Debian 14 on that one
# depends on another that has the kernel alone.
newest() {
	local image
	image=$(private apt-cache show "$package" |
		sed -n 's/^Depends:.*[ ,]\(linux-image-[^ ,]*\).*/\1/p' | head -n 1)
	private apt-cache show "$image" |
		sed -n 's/^Depends:.*[ ,]\(linux-binary-[^ ,]*\).*/\1/p' | grep . || echo "$image"
}

fetch() { # release
	echo "deb [arch=$architecture signed-by=$keyring] $mirror $1 main" >"$work/sources.list"
	private apt-get -qq update >>"$work/log" || return
	(cd "$work" && private apt-get -qq download "$(newest)") >>"$work/log"
}

for release in $releases; do
	! fetch "$release" || break
done
deb=$(compgen -G "$work/linux-*.deb") || fail "no $package to be had"

# The modules, most of the package up to Debian 13, are not needed.
dpkg-deb --fsys-tarfile "$deb" 2>>"$work/log" |
	tar -x -f - -O --wildcards './*/vmlinu*' 2>>"$work/log" >"$work/kernel" ||
	fail "no kernel in ${deb##*/}"
basename "$deb" .deb >"$dir/package"
mv "$work/kernel" "$dir/kernel"
