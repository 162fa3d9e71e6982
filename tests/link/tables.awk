# SPDX-License-Identifier: Apache-2.0
#
# Reads `nm -P IMAGE; objdump -s IMAGE` (little endian, sections aligned to 16) and says for each module
# whether the slots of its table MODULE_bound hold the addresses of its functions: "bound", or the
# first function whose slot is 0, or what is wrong.
#
# functions: MODULE_NAME of all modules, in the order of the lists.

# nm: name type value size
$2 ~ /^[A-Za-z]$/ && $3 ~ /^[0-9a-f]+$/ { address[$1] = $3; size[$1] = $4; next }

# objdump: address and 16 bytes
/^ [0-9a-f]+ [0-9a-f]/ {
	start = $1
	hex = substr($0, length($1) + 3, 35)
	gsub(/ /, "", hex)
	word[start] = reverse(substr(hex, 1, 16))
	word[next_word(start)] = reverse(substr(hex, 17, 16))
}

function reverse(bytes, i, out) {
	for (i = length(bytes) - 1; i > 0; i -= 2)
		out = out substr(bytes, i, 2)
	return out
}

# The address 8 bytes on, as hexadecimal digits: numbers of awk have 53 bits.
function next_word(a, digits, i, d) {
	digits = "0123456789abcdef"
	i = length(a)
	if (substr(a, i, 1) < "8" && substr(a, i, 1) ~ /[0-7]/)
		return substr(a, 1, i - 1) substr(digits, index(digits, substr(a, i, 1)) + 8, 1)
	a = substr(a, 1, i - 1) substr(digits, index(digits, substr(a, i, 1)) - 8, 1)
	for (i--; i > 0; i--) {
		d = index(digits, substr(a, i, 1)) % 16
		a = substr(a, 1, i - 1) substr(digits, d + 1, 1) substr(a, i + 1)
		if (d != 0)
			break
	}
	return a
}

END {
	count = split(functions, name, " ")
	for (i = 1; i <= count; i++) {
		module = name[i] ~ /^ax_memory_/ ? "ax_memory" : "my_log"
		if (module != last) {
			slot = address[module "_bound"]
			order[++modules] = module
			said[module] = "bound"
		} else {
			slot = next_word(slot)
		}
		last = module
		if (said[module] != "bound")
			continue
		if (word[slot] ~ /^0+$/)
			said[module] = name[i]
		else if (word[slot] == "" || word[slot] != address[name[i]])
			said[module] = name[i] " is " word[slot]
	}
	for (i = 1; i <= modules; i++)
		printf "%s%s", said[order[i]], i < modules ? " " : "\n"
}
