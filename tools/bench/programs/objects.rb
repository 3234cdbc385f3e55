# SPDX-License-Identifier: MIT
# ruby: objects with arrays and hashes, strings longer than what an object's slot holds.
SEED = [54]
def random(n)
  SEED[0] = (SEED[0] * 1103515245 + 12345) & 0x7fffffff
  (SEED[0] >> 8) % n
end

Item = Struct.new(:name, :weight, :parts, :tags)

def item(i)
  parts = Array.new(random(12)) { |k| k * i }
  Item.new("item number #{i} " + "abc" * random(40), random(1000), parts, { kind: i % 9, at: i.to_s * 3 })
end

all = Array.new(80_000) { |i| item(i) }
total = 0
4.times do |round|
  groups = Hash.new { |hash, key| hash[key] = [] }
  all.each { |it| groups["#{it.tags[:kind]}/#{it.weight % 50}"] << it }
  text = String.new
  groups.keys.sort.each do |key|
    names = groups[key].map { |it| it.name.sub("number", "no").upcase }
    text << key << ": " << names.join(", ") << "\n"
  end
  total += text.split(", ").map(&:length).sum
  (0...all.size).step(3) { |i| all[i] = item(i + round) }
end
puts total
