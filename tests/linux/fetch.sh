#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Fetches an unmodified Debian kernel for one architecture: silent when it is there already, plain when
# it cannot be had, with status 77 then: there is nothing to test with.
#
#	tests/linux/fetch.sh aarch64|riscv64|x86_64
#
# The kernel is $AX_CACHE/linux/ARCH/kernel afterwards (AX_CACHE: .cache). Beside it `package` names the
# package that it is from, and kernel.sha256 is what it was when it came; one that has changed since is
# fetched again.
#
# apt does it, from the archive that this machine gets its own packages from, if that is Debian's, but
# with a configuration, package lists and a state of its own: the machine's apt is not told of a foreign
# architecture or another release, and nothing is installed. apt checks the archive's signature, by
# Debian's keyring, and by the hashes below it the package.
set -u -o pipefail
cd "$(dirname "$0")/../.." || exit
export LC_ALL=C

# The kernels for virtual machines where there are such. Debian 12 has no riscv64. A mirror that is being
# updated has indices that do not fit one another: then there are other releases, from the oldest, which
# changes the least.
case ${1:-} in
aarch64) architecture=arm64 package=linux-image-cloud-arm64 first=bookworm ;;
x86_64) architecture=amd64 package=linux-image-cloud-amd64 first=bookworm ;;
riscv64) architecture=riscv64 package=linux-image-riscv64 first=trixie ;;
*)
	echo "usage: $0 aarch64|riscv64|x86_64" >&2
	exit 2
	;;
esac
releases="bookworm bookworm-security trixie trixie-security forky"
releases=$first${releases#*"$first"}

cache=${AX_CACHE:-.cache}/linux
dir=$cache/$1

have_kernel() {
	[ -s "$dir/package" ] && (cd "$dir" && sha256sum --status -c kernel.sha256) 2>/dev/null
}
fail() { # what, and the last lines of what apt said
	echo "no Debian kernel for $architecture: $1" >&2
	[ ! -s "$work/log" ] || tail -n 20 "$work/log" >&2
	exit "${2:-77}"
}

# Two runs at once would fetch twice.
mkdir -p "$dir" || exit
exec 9>"$dir/lock"
flock 9
! have_kernel || exit 0
rm -f "$dir"/{kernel,package,kernel.sha256}
work=$(mktemp -d "$(realpath "$dir")/work.XXXXXX") || exit
trap 'rm -rf "$work"' EXIT

command -v apt-get >/dev/null || fail "there is no apt here to fetch one"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -s $keyring ] || fail "$keyring is missing: please install debian-archive-keyring"

# The archive with this label that the machine uses, whatever mirror that is, or else everybody's.
mirror() { # label default
	apt-get indextargets --format '$(ORIGIN) $(LABEL) $(COMPONENT) $(REPO_URI)' \
		'Created-By: Packages' 2>/dev/null | awk -v label="$1" -v default="$2" '
	$1 == "Debian" && $2 == label && $3 == "main" { found = $4; exit }
	END { print found ? found : default }'
}
main=$(mirror Debian http://deb.debian.org/debian)
security=$(mirror Debian-Security http://deb.debian.org/debian-security)

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
Acquire::Retries "1";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
Dir::Etc::SourceList "$work/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
Dir::State "$work";
Dir::State::Status "$work/status";
Dir::Cache "$work";
END
private() { # command...
	APT_CONFIG=$work/apt.conf timeout 300 "$@" 2>>"$work/log"
}

# The package called $package is empty and depends on the current version's; from Debian 14 on that one
# depends on another that has the kernel alone.
newest() {
	local image
	image=$(private apt-cache show "$package" |
		sed -n 's/^Depends:.*[ ,]\(linux-image-[^ ,]*\).*/\1/p' | head -n 1)
	[ -n "$image" ] || return
	private apt-cache show "$image" |
		sed -n 's/^Depends:.*[ ,]\(linux-binary-[^ ,]*\).*/\1/p' | grep . || echo "$image"
}

fetch() { # release
	local archive=$main name
	[ "$1" = "${1%-security}" ] || archive=$security
	echo "deb [arch=$architecture signed-by=$keyring] $archive $1 main" >"$work/sources.list"
	private apt-get -qq update >>"$work/log" && name=$(newest) || return
	(cd "$work" && private apt-get -qq download "$name") >>"$work/log"
}

for release in $releases; do
	: >"$work/log"
	! fetch "$release" || break
	! grep -qE 'Could not resolve|Temporary failure resolving|Could not connect|Unable to connect|timed out' \
		"$work/log" || fail "the archive cannot be reached"
done
deb=$(compgen -G "$work/linux-*.deb") || fail "none of $releases has $package whole"

# The modules, most of the package up to Debian 13, are not needed.
dpkg-deb --fsys-tarfile "$deb" 2>>"$work/log" |
	tar -x -f - -O --wildcards './*/vmlinu*' 2>>"$work/log" >"$work/kernel" ||
	fail "none in ${deb##*/}" 1
(cd "$work" && sha256sum kernel) >"$work/kernel.sha256"
basename "$deb" .deb >"$work/package"
mv "$work"/{kernel,package,kernel.sha256} "$dir"
