-- What wrk sends when requests differ.
-- Arguments: a list of shares and kinds, such as 80,list,15,detail,5,order; a file with one token a line;
-- how many products there are; a seed.

dofile 'summary.lua'

local productIds = '01900000-0000-7000-8000-%012d'
local idBase = 100000000000
-- Made before the clock starts, so that a request costs wrk no more than a look into a table.
local preparedMax = 20000

local shares, requests = {}, {}

local function productId(number)
  return productIds:format(idBase + number)
end

local function readLines(path)
  local lines = {}
  for line in io.lines(path) do lines[#lines + 1] = line end
  return lines
end

local function order(token, first, second)
  local body = ('{"items":[{"productId":"%s","quantity":1},{"productId":"%s","quantity":2}]}'):format(
    productId(first), productId(second))
  local headers = { ['Content-Type'] = 'application/json', ['Authorization'] = 'Bearer ' .. token }
  return wrk.format('POST', '/api/orders', headers, body)
end

local makers = {
  list = function()
    return { wrk.format('GET', '/api/products?limit=20') }
  end,
  detail = function(_, products)
    local made = {}
    for number = 1, products do made[number] = wrk.format('GET', '/api/products/' .. productId(number)) end
    return made
  end,
  order = function(tokens, products)
    local made = {}
    for number = 1, preparedMax do
      local first = math.random(products)
      local second = (first - 1 + math.random(products - 1)) % products + 1
      made[number] = order(tokens[math.random(#tokens)], first, second)
    end
    return made
  end,
  ['hot-order'] = function(tokens)
    local made = {}
    for number, token in ipairs(tokens) do made[number] = order(token, 1, 2) end
    return made
  end,
}

function init(arguments)
  local mix, tokensFile, products, seed = unpack(arguments)
  math.randomseed(tonumber(seed))
  local tokens = readLines(tokensFile)
  local upTo = 0
  for share, kind in mix:gmatch('(%d+),([%a-]+)') do
    upTo = upTo + tonumber(share)
    shares[#shares + 1] = upTo
    requests[#requests + 1] = makers[kind](tokens, tonumber(products))
  end
end

function request()
  local drawn = math.random(shares[#shares])
  local kind = 1
  while drawn > shares[kind] do kind = kind + 1 end
  local candidates = requests[kind]
  return candidates[math.random(#candidates)]
end
