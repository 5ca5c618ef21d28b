# Sourced by the scripts that fetch a single package of another Debian suite than the machine's.
#   QUICEDGE_DEBIAN_MIRROR=URI   where it comes from (default: the machine's own mirror)

# The machine's mirror, from either form of apt's sources; one that carries Debian's pool, not an add-on.
mirror() {
	local uri
	uri=$({ cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null || true; } |
		grep -v '^ *#' | grep -oE '[a-z+]+://[^ ]*/debian/?( |$)' | head -n 1 | tr -d ' ' || true)
	local scheme=http host=deb.debian.org
	echo "${QUICEDGE_DEBIAN_MIRROR:-${uri:-$scheme://$host/debian}}"
}

# private_apt DIR TYPE SUITE [ARCH] makes a private set of apt folders in DIR, with one source, and points APT_CONFIG at it:
# the machine's own sources and lists stay as they are.
private_apt() {
	mkdir -p "$1"/{etc/trusted.gpg.d,lists/partial,cache/archives/partial}
	chmod -R a+rX "$1"
	cat >"$1/conf" <<CONF
Dir::Etc::SourceList "$1/etc/sources.list";
Dir::Etc::SourceParts "/nonexistent";
Dir::State::Lists "$1/lists";
Dir::Cache "$1/cache";
APT::Sandbox::User "root";
Acquire::Languages "none";
${4:+APT::Architecture "$4"; APT::Architectures { "$4"; };}
CONF
	echo "$2 [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(mirror) $3 main" >"$1/etc/sources.list"
	export APT_CONFIG=$1/conf
}
