# SPDX-License-Identifier: Apache-2.0
#
# Reads `nm -P IMAGES; objdump -s IMAGES` (little endian, sections aligned to 16, more than one image)
# and says of each image, for each module, whether the slots of the table MODULE_bound hold the
# addresses of its functions: "bound", or the first function whose slot is 0, or what is wrong.
#
# functions: MODULE_NAME of all modules, in the order of the lists.

# A file's name begins its part of both.
$1 ~ /:$/ && $1 ~ /\// { image = substr($1, 1, length($1) - 1); images[image] = 1; next }

# nm: name type value size
$2 ~ /^[A-Za-z]$/ && $3 ~ /^[0-9a-f]+$/ { address[image, $1] = $3; next }

# objdump: address and 16 bytes
/^ [0-9a-f]+ [0-9a-f]/ {
	start = $1
	hex = substr($0, length($1) + 3, 35)
	gsub(/ /, "", hex)
	word[image, start] = reverse(substr(hex, 1, 16))
	word[image, next_word(start)] = reverse(substr(hex, 17, 16))
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

# What an image says of the functions of one module, name[first] to name[last].
function module_says(image, module, first, last, slot, i) {
	slot = address[image, module "_bound"]
	for (i = first; i <= last; i++) {
		if (word[image, slot] ~ /^0+$/)
			return name[i]
		if (word[image, slot] == "" || word[image, slot] != address[image, name[i]])
			return name[i] " is " word[image, slot]
		slot = next_word(slot)
	}
	return "bound"
}

END {
	count = split(functions, name, " ")
	for (first_log = 1; name[first_log] !~ /^my_log_/; first_log++)
		;
	for (image in images)
		print image, module_says(image, "ax_memory", 1, first_log - 1),
			module_says(image, "my_log", first_log, count)
}
