-- SPDX-License-Identifier: MIT
-- lua: a heap that grows: tables of tables, strings put together and taken apart, closures that keep what they saw.
local seed = 51
local function random(n)
    seed = (seed * 1103515245 + 12345) & 0x7fffffff
    return (seed >> 8) % n
end

local function person(i)
    local friends, visits = {}, 0
    return {
        name = "person " .. i .. string.rep("x", random(40)),
        place = { x = random(1000), y = random(1000) },
        befriend = function(other) friends[#friends + 1] = other end,
        visit = function() visits = visits + #friends return visits end,
    }
end

local all, index = {}, {}
for i = 1, 120000 do
    local p = person(i)
    all[i] = p
    index[p.name] = p
    p.befriend(all[1 + random(i)])
    if i % 3 == 0 then
        all[1 + random(i)] = person(-i)
    end
end

local total = 0
for round = 1, 4 do
    local words = {}
    for i = 1, #all, round do
        total = total + all[i].visit()
        for word in all[i].name:gmatch("%a+") do
            words[#words + 1] = word .. round
        end
    end
    table.sort(words)
    total = total + #table.concat(words, " ")
end
print(total)
