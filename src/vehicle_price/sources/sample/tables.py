"""Tables that the sample is drawn from: makes, models, bodies and regions of a fictional market.

Rounded figures of no particular source, chosen to look like the American used-car
market of April 2021. Each table is text, one row a line, cells split by ' | '.
"""

from functools import cache
from typing import NamedTuple


class VehicleModel(NamedTuple):
    """One model of one make.

    price: US dollars when new (in 2021 money) for the middle trim. first, last: model years.
    body: a name in BODIES. weight: how common. trims: cheapest first.
    """

    make: str
    name: str
    price: float
    first: int
    last: int
    body: str
    weight: float
    trims: tuple[str, ...]


class Body(NamedTuple):
    """A body type: how its cars age and which levels their listings have.

    loss: share of log price lost in a year. types, drives, cylinders: 'level share level share'.
    diesel, manual: shares.
    """

    loss: float
    types: str
    drives: str
    cylinders: str
    diesel: float
    manual: float


class State(NamedTuple):
    """A state. offset: hours from UTC in April; lat, long: its centre; weight: how common."""

    state: str
    offset: int
    lat: float
    long: float
    weight: float
    regions: tuple[str, ...]


# A make's cars lose value this many times as fast as their body says.
HOLDS_VALUE = {
    "toyota": 0.80,
    "honda": 0.86,
    "lexus": 0.86,
    "subaru": 0.92,
    "porsche": 0.80,
    "jeep": 0.94,
    "acura": 0.94,
    "bmw": 1.12,
    "mercedes-benz": 1.10,
    "audi": 1.12,
    "jaguar": 1.25,
    "rover": 1.15,
    "cadillac": 1.08,
    "lincoln": 1.12,
    "chrysler": 1.12,
    "fiat": 1.25,
    "mitsubishi": 1.10,
    "mini": 1.10,
}

BODIES = {
    "small": Body(0.128, "sedan 65 hatchback 35", "fwd 96 4wd 4", "4 96 6 4", 0.01, 0.14),
    "sedan": Body(0.130, "sedan 100", "fwd 84 rwd 12 4wd 4", "4 58 6 36 8 6", 0.0, 0.03),
    "luxury sedan": Body(
        0.140, "sedan 82 coupe 18", "rwd 45 fwd 25 4wd 30", "4 42 6 46 8 12", 0.02, 0.05
    ),
    "sport": Body(0.090, "coupe 75 convertible 25", "rwd 92 4wd 8", "4 15 6 30 8 55", 0.0, 0.40),
    "convertible": Body(0.108, "convertible 100", "rwd 100", "4 60 6 40", 0.0, 0.45),
    "exotic": Body(0.062, "coupe 70 convertible 30", "rwd 85 4wd 15", "6 50 8 40 12 10", 0.0, 0.5),
    "classic": Body(0.080, "coupe 50 pickup 30 other 20", "rwd 80 4wd 20", "6 25 8 75", 0.0, 0.40),
    "suv": Body(0.122, "SUV 95 wagon 5", "fwd 45 4wd 55", "4 55 6 42 8 3", 0.01, 0.02),
    "luxury suv": Body(0.130, "SUV 100", "fwd 18 4wd 82", "4 30 6 55 8 15", 0.03, 0.0),
    "large suv": Body(0.112, "SUV 100", "rwd 32 4wd 68", "6 8 8 92", 0.01, 0.0),
    "offroad": Body(0.074, "SUV 85 offroad 15", "4wd 97 rwd 3", "4 8 6 84 8 8", 0.0, 0.20),
    "pickup": Body(0.092, "pickup 58 truck 42", "4wd 72 rwd 28", "4 10 6 38 8 52", 0.02, 0.06),
    "heavy pickup": Body(0.080, "truck 55 pickup 45", "4wd 84 rwd 16", "6 40 8 60", 0.58, 0.06),
    "van": Body(0.100, "van 96 bus 2 truck 2", "rwd 100", "4 10 6 50 8 40", 0.10, 0.01),
    "minivan": Body(0.128, "mini-van 65 van 35", "fwd 95 4wd 5", "4 6 6 94", 0.0, 0.0),
    "wagon": Body(0.118, "wagon 60 SUV 40", "4wd 100", "4 82 6 18", 0.0, 0.06),
    "hybrid": Body(0.112, "hatchback 60 sedan 40", "fwd 98 4wd 2", "4 100", 0.0, 0.0),
    "electric": Body(0.120, "sedan 70 hatchback 30", "rwd 35 4wd 35 fwd 30", "other 100", 0.0, 0.0),
    "motorcycle": Body(0.080, "other 100", "rwd 100", "other 100", 0.0, 1.0),
}


@cache
def vehicle_models() -> tuple[VehicleModel, ...]:
    """Every model of the market; makes without a level on Craigslist are at the end."""
    return tuple(_model(line) for line in _MODELS.splitlines())


@cache
def states() -> tuple[State, ...]:
    """Every state, alphabetically."""
    return tuple(_state(line) for line in _STATES.splitlines())


def _model(line: str) -> VehicleModel:
    make, name, price, years, body, weight, trims = line.split(" | ")
    first, last = (int(year) for year in years.split())
    return VehicleModel(
        make, name, 1000 * float(price), first, last, body, float(weight), tuple(trims.split(", "))
    )


def _state(line: str) -> State:
    state, offset, lat, long, weight, regions = line.split(" | ")
    return State(
        state, int(offset), float(lat), float(long), float(weight), tuple(regions.split(", "))
    )


_MODELS = """\
acura | mdx | 48 | 2001 2021 | luxury suv | 30 | base, tech, sh-awd, advance
acura | tl | 40 | 1996 2014 | luxury sedan | 20 | base, type s, sh-awd
acura | tlx | 38 | 2015 2021 | luxury sedan | 12 | base, tech, a-spec
acura | rdx | 40 | 2007 2021 | luxury suv | 16 | base, tech, advance
alfa-romeo | romeo giulia | 44 | 2017 2021 | luxury sedan | 8 | base, ti, quadrifoglio
alfa-romeo | romeo stelvio | 46 | 2018 2021 | luxury suv | 6 | base, ti, sport
aston-martin | martin vantage | 125 | 2006 2020 | exotic | 1 | base, s, roadster
audi | a4 | 42 | 1996 2021 | luxury sedan | 38 | premium, premium plus, s line, quattro prestige
audi | a6 | 56 | 1996 2021 | luxury sedan | 18 | premium, premium plus, prestige
audi | q5 | 46 | 2009 2021 | luxury suv | 30 | premium, premium plus, prestige
audi | q7 | 60 | 2007 2021 | luxury suv | 16 | premium, premium plus, prestige
audi | tt | 50 | 2000 2020 | sport | 8 | base, quattro, s
bmw | 3 series | 45 | 1984 2021 | luxury sedan | 60 | 320i, 328i, 330i xdrive, 335i, m3
bmw | 5 series | 58 | 1985 2021 | luxury sedan | 34 | 528i, 530i, 535i xdrive, 550i, m5
bmw | x3 | 46 | 2004 2021 | luxury suv | 28 | sdrive28i, xdrive28i, xdrive35i, m40i
bmw | x5 | 64 | 2000 2021 | luxury suv | 38 | xdrive35i, xdrive35d, xdrive50i, m
bmw | z4 | 54 | 2003 2020 | convertible | 8 | 3.0i, sdrive30i, sdrive35i
buick | enclave | 44 | 2008 2021 | suv | 26 | convenience, leather, premium, avenir
buick | encore | 27 | 2013 2021 | suv | 18 | base, preferred, essence
buick | lacrosse | 36 | 2005 2019 | sedan | 20 | cx, cxl, leather, premium
buick | lesabre | 31 | 1980 2005 | sedan | 14 | custom, limited
cadillac | escalade | 82 | 1999 2021 | large suv | 36 | base, luxury, premium, platinum esv
cadillac | cts | 46 | 2003 2019 | luxury sedan | 28 | base, luxury, premium, v
cadillac | srx | 43 | 2004 2016 | luxury suv | 24 | base, luxury, performance, premium
cadillac | deville | 45 | 1970 2005 | sedan | 12 | base, dhs, dts
chevrolet | silverado 1500 | 42 | 1999 2021 | pickup | 260 | work truck, ls, lt, z71, ltz, high country
chevrolet | silverado 2500hd | 54 | 2001 2021 | heavy pickup | 90 | work truck, lt, ltz, high country
chevrolet | colorado | 32 | 2004 2021 | pickup | 40 | base, lt, z71, zr2
chevrolet | c10 | 30 | 1960 1987 | classic | 12 | custom, cheyenne, deluxe
chevrolet | camaro | 36 | 1967 2021 | sport | 46 | ls, lt, rs, ss, zl1
chevrolet | corvette | 66 | 1956 2021 | sport | 50 | base, stingray, grand sport, z06
chevrolet | cruze | 21 | 2011 2019 | small | 62 | ls, lt, eco, premier
chevrolet | equinox | 28 | 2005 2021 | suv | 76 | ls, lt, premier
chevrolet | express | 36 | 1996 2021 | van | 36 | 1500, 2500, 3500 cargo
chevrolet | impala | 31 | 1961 2020 | sedan | 62 | ls, lt, ltz, premier
chevrolet | malibu | 26 | 1997 2021 | sedan | 66 | ls, lt, hybrid, premier
chevrolet | suburban | 60 | 1973 2021 | large suv | 44 | ls, lt, ltz, premier
chevrolet | tahoe | 58 | 1995 2021 | large suv | 66 | ls, lt, z71, ltz, premier
chevrolet | trax | 22 | 2013 2021 | suv | 18 | ls, lt, premier
chrysler | 200 | 25 | 2011 2017 | sedan | 34 | lx, touring, limited, s
chrysler | 300 | 38 | 1999 2021 | sedan | 34 | touring, limited, s, c hemi
chrysler | pacifica | 38 | 2017 2021 | minivan | 16 | touring, touring l, limited
chrysler | pt cruiser | 20 | 2001 2010 | small | 18 | base, touring, limited
chrysler | town & country | 36 | 1990 2016 | minivan | 50 | lx, touring, limited
datsun | 280zx | 40 | 1979 1983 | classic | 3 | base, 2+2
dodge | challenger | 36 | 2008 2021 | sport | 40 | sxt, gt, r/t, scat pack, srt hellcat
dodge | charger | 34 | 2006 2021 | sedan | 56 | se, sxt, gt, r/t, srt
dodge | dakota | 28 | 1987 2011 | pickup | 20 | st, slt, laramie
dodge | dart | 20 | 2013 2016 | small | 20 | se, sxt, gt
dodge | durango | 42 | 1998 2021 | suv | 36 | sxt, gt, citadel, r/t
dodge | grand caravan | 29 | 1987 2020 | minivan | 66 | se, sxt, crew, gt
dodge | journey | 27 | 2009 2020 | suv | 36 | se, sxt, crossroad, gt
ferrari | 360 modena | 190 | 2000 2005 | exotic | 1 | base, spider
fiat | 500 | 18 | 2012 2019 | small | 14 | pop, lounge, abarth
ford | f-150 | 42 | 1975 2021 | pickup | 330 | xl, stx, xlt, lariat, king ranch, platinum
ford | f-250 super duty | 56 | 1999 2021 | heavy pickup | 130 | xl, xlt, lariat, king ranch, platinum
ford | f-350 super duty | 60 | 1999 2021 | heavy pickup | 60 | xl, xlt, lariat, king ranch
ford | bronco | 34 | 1966 1996 | classic | 8 | base, xlt, eddie bauer
ford | crown victoria | 28 | 1992 2011 | sedan | 16 | base, lx, police interceptor
ford | edge | 35 | 2007 2021 | suv | 56 | se, sel, limited, titanium, sport
ford | escape | 27 | 2001 2021 | suv | 96 | s, se, sel, titanium
ford | expedition | 56 | 1997 2021 | large suv | 42 | xlt, eddie bauer, limited, platinum
ford | explorer | 38 | 1991 2021 | suv | 88 | base, xlt, limited, sport
ford | fiesta | 17 | 2011 2019 | small | 22 | s, se, sel, st
ford | focus | 20 | 2000 2018 | small | 74 | s, se, sel, titanium, st
ford | fusion | 25 | 2006 2020 | sedan | 74 | s, se, sel, titanium
ford | mustang | 35 | 1965 2021 | sport | 70 | v6, ecoboost, gt, gt premium, shelby gt500
ford | ranger | 29 | 1983 2021 | pickup | 46 | xl, xlt, sport, lariat
ford | transit 250 | 38 | 2015 2021 | van | 36 | cargo, xl, xlt
gmc | sierra 1500 | 44 | 1999 2021 | pickup | 106 | base, sle, slt, at4, denali
gmc | sierra 2500hd | 57 | 2001 2021 | heavy pickup | 40 | base, sle, slt, denali
gmc | acadia | 38 | 2007 2021 | suv | 34 | sle, slt, denali
gmc | terrain | 29 | 2010 2021 | suv | 28 | sle, slt, denali
gmc | yukon | 62 | 1992 2021 | large suv | 50 | sle, slt, xl, denali
harley-davidson | davidson street glide | 22 | 2006 2021 | motorcycle | 4 | base, special
honda | accord | 27 | 1982 2021 | sedan | 120 | lx, sport, ex, ex-l, touring
honda | civic | 22 | 1984 2021 | small | 116 | lx, sport, ex, ex-l sedan, si
honda | cr-v | 28 | 1997 2021 | suv | 84 | lx, se, ex, ex-l, touring
honda | fit | 18 | 2007 2020 | small | 18 | base, sport, ex
honda | odyssey | 36 | 1995 2021 | minivan | 50 | lx, ex, ex-l, touring, elite
honda | pilot | 38 | 2003 2021 | suv | 40 | lx, ex, ex-l, touring
hyundai | accent | 15 | 1995 2021 | small | 16 | gl, gls, se
hyundai | elantra | 19 | 1992 2021 | small | 48 | gls, se, sel, limited
hyundai | santa fe | 30 | 2001 2021 | suv | 36 | gls, se, sport, limited
hyundai | sonata | 25 | 1990 2021 | sedan | 58 | gls, se, sport, limited
hyundai | tucson | 26 | 2005 2021 | suv | 20 | gls, se, sel, limited
infiniti | g37 | 40 | 2008 2013 | luxury sedan | 18 | base, journey, x, sport
infiniti | q50 | 42 | 2014 2021 | luxury sedan | 22 | base, premium, sport, red sport 400
infiniti | qx60 | 46 | 2014 2020 | luxury suv | 18 | base, pure, luxe
jaguar | f-pace | 52 | 2017 2021 | luxury suv | 6 | 25t premium, 30t, s
jaguar | xf | 54 | 2009 2019 | luxury sedan | 10 | base, premium, portfolio
jeep | cherokee | 29 | 1984 2021 | suv | 46 | sport, latitude, limited, trailhawk
jeep | compass | 26 | 2007 2021 | suv | 28 | sport, latitude, limited
jeep | gladiator | 46 | 2020 2021 | pickup | 14 | sport, overland, rubicon
jeep | grand cherokee | 42 | 1993 2021 | suv | 96 | laredo, limited, overland, summit, srt
jeep | liberty | 26 | 2002 2012 | suv | 26 | sport, latitude, limited
jeep | patriot | 22 | 2007 2017 | suv | 26 | sport, latitude, limited
jeep | wrangler | 38 | 1987 2021 | offroad | 130 | sport, sport s, sahara, unlimited sahara, rubicon
kia | forte | 19 | 2010 2021 | small | 24 | lx, s, ex
kia | optima | 25 | 2001 2020 | sedan | 36 | lx, s, ex, sx turbo
kia | sorento | 31 | 2003 2021 | suv | 30 | lx, ex, sx limited
kia | soul | 20 | 2010 2021 | small | 42 | base, plus, exclaim
lexus | es 350 | 42 | 2007 2021 | luxury sedan | 28 | base, premium, luxury
lexus | gx 460 | 60 | 2010 2021 | offroad | 12 | base, premium, luxury
lexus | is 250 | 38 | 2006 2015 | luxury sedan | 20 | base, awd, f sport
lexus | rx 350 | 47 | 2007 2021 | luxury suv | 42 | base, premium, f sport, luxury
lincoln | mkz | 40 | 2007 2020 | luxury sedan | 22 | base, select, reserve
lincoln | navigator | 74 | 1998 2021 | large suv | 16 | base, select, reserve, black label
lincoln | town car | 50 | 1981 2011 | sedan | 18 | executive, signature, cartier
mazda | 3 | 22 | 2004 2021 | small | 36 | i sport, i touring, s grand touring
mazda | cx-5 | 29 | 2013 2021 | suv | 26 | sport, touring, grand touring, signature
mazda | mx-5 miata | 30 | 1990 2021 | convertible | 16 | sport, club, grand touring
mazda | 6 | 27 | 2003 2021 | sedan | 18 | sport, touring, grand touring
mercedes-benz | benz c-class | 46 | 1994 2021 | luxury sedan | 44 | c 230, c 300, c 300 4matic, c 63 amg
mercedes-benz | benz e-class | 62 | 1986 2021 | luxury sedan | 36 | e 320, e 350, e 350 4matic, e 63 amg
mercedes-benz | benz gl-class | 70 | 2007 2016 | large suv | 10 | gl 450, gl 550
mercedes-benz | benz sprinter | 46 | 2007 2021 | van | 12 | 2500, 3500
mercury | grand marquis | 29 | 1983 2011 | sedan | 18 | gs, ls, ultimate
mercury | mariner | 26 | 2005 2011 | suv | 8 | base, premier
mini | cooper | 26 | 2002 2021 | small | 36 | base, s, s countryman, john cooper works
mitsubishi | lancer | 21 | 2002 2017 | small | 12 | de, es, gt, evolution
mitsubishi | mirage | 15 | 2014 2021 | small | 12 | es, le, gt
mitsubishi | outlander | 26 | 2003 2021 | suv | 26 | es, se, sel, gt
morgan | plus 8 | 70 | 1970 2004 | exotic | 1 | base
nissan | altima | 25 | 1993 2021 | sedan | 92 | 2.5, 2.5 s, 2.5 sv, 3.5 sl
nissan | frontier | 29 | 1998 2021 | pickup | 40 | s, sv, pro-4x, sl
nissan | leaf | 31 | 2011 2021 | electric | 12 | s, sv, sl
nissan | murano | 35 | 2003 2021 | suv | 28 | s, sv, sl, platinum
nissan | pathfinder | 35 | 1987 2020 | suv | 28 | s, sv, sl, platinum
nissan | rogue | 27 | 2008 2021 | suv | 66 | s, sv, sl
nissan | sentra | 19 | 1987 2021 | small | 50 | s, sv, sr, sl
nissan | versa | 16 | 2007 2021 | small | 34 | s, s plus, sv
pontiac | firebird | 32 | 1967 2002 | classic | 10 | base, formula, trans am
pontiac | g6 | 23 | 2005 2010 | sedan | 22 | base, gt
pontiac | grand prix | 27 | 1988 2008 | sedan | 12 | se, gt, gtp
porsche | 911 | 110 | 1974 2021 | exotic | 12 | carrera, carrera s, targa, turbo
porsche | boxster | 60 | 1997 2021 | convertible | 8 | base, s, spyder
porsche | cayenne | 72 | 2003 2021 | luxury suv | 14 | base, s, gts, turbo
ram | 1500 | 42 | 2011 2021 | pickup | 190 | tradesman, express, big horn, laramie, limited
ram | 2500 | 56 | 2011 2021 | heavy pickup | 86 | tradesman, big horn, laramie, limited
ram | 3500 | 60 | 2011 2021 | heavy pickup | 36 | tradesman, big horn, laramie
ram | promaster 2500 | 37 | 2014 2021 | van | 14 | low roof, high roof
rover | range sport | 78 | 2006 2021 | luxury suv | 14 | hse, supercharged, autobiography
rover | discovery | 56 | 1995 2021 | luxury suv | 12 | se, hse
saturn | ion | 17 | 2003 2007 | small | 8 | 1, 2, 3
saturn | vue | 24 | 2002 2010 | suv | 12 | base, xe, xr
subaru | forester | 28 | 1998 2021 | suv | 56 | 2.5x, 2.5i premium, 2.5i limited, 2.0xt touring
subaru | impreza | 22 | 1993 2021 | small | 44 | base, premium, limited, sport
subaru | legacy | 26 | 1990 2021 | sedan | 30 | 2.5i, 2.5i premium, 3.6r limited
subaru | outback | 31 | 1996 2021 | wagon | 70 | 2.5i, 2.5i premium, 2.5i limited, 3.6r touring
subaru | wrx | 32 | 2002 2021 | sport | 24 | base, premium, limited, sti
tesla | model 3 | 46 | 2017 2021 | electric | 10 | standard range plus, long range, performance
tesla | model s | 88 | 2012 2021 | electric | 8 | 75d, 85, 100d, p100d
toyota | 4runner | 42 | 1984 2021 | offroad | 62 | sr5, trail, trd off-road, limited, trd pro
toyota | avalon | 38 | 1995 2021 | sedan | 26 | xl, xle, touring, limited
toyota | camry | 27 | 1984 2021 | sedan | 120 | le, se, xle, xse
toyota | corolla | 21 | 1980 2021 | small | 90 | l, le, s, se, xse
toyota | highlander | 38 | 2001 2021 | suv | 48 | base, le, se, xle, limited
toyota | prius | 27 | 2001 2021 | hybrid | 66 | two, three, four, touring
toyota | rav4 | 28 | 1996 2021 | suv | 70 | le, xle, adventure, limited
toyota | sienna | 36 | 1998 2021 | minivan | 42 | ce, le, se, xle, limited
toyota | tacoma | 35 | 1995 2021 | pickup | 110 | sr, sr5, trd sport, trd off-road, limited
toyota | tundra | 47 | 2000 2021 | pickup | 66 | sr, sr5, limited, platinum, 1794
volkswagen | beetle | 23 | 1963 2019 | small | 20 | base, s, se, turbo
volkswagen | golf | 23 | 1990 2021 | small | 26 | s, se, sel, gti
volkswagen | jetta | 21 | 1985 2021 | small | 66 | s, se, sel, tdi
volkswagen | passat | 26 | 1992 2021 | sedan | 34 | s, se, sel premium
volkswagen | tiguan | 28 | 2009 2021 | suv | 22 | s, se, sel, r-line
volvo | s60 | 40 | 2001 2021 | luxury sedan | 18 | t5, t5 inscription, t6 awd
volvo | xc60 | 44 | 2010 2021 | luxury suv | 14 | t5, t6 momentum, t6 inscription
volvo | xc90 | 54 | 2003 2021 | luxury suv | 18 | t5, t6 momentum, t6 inscription
geo | tracker | 20 | 1989 1997 | offroad | 4 | base, lsi
hummer | h2 | 66 | 2003 2009 | offroad | 6 | base, sut, luxury
hummer | h3 | 42 | 2006 2010 | offroad | 8 | base, adventure, luxury
isuzu | npr box truck | 46 | 1998 2019 | van | 8 | base, hd
oldsmobile | cutlass | 28 | 1968 1999 | classic | 8 | base, supreme
plymouth | voyager | 27 | 1987 2000 | minivan | 4 | base, se
scion | fr-s | 28 | 2013 2016 | sport | 10 | base, release series
scion | tc | 22 | 2005 2016 | small | 18 | base, release series
scion | xb | 19 | 2004 2015 | small | 16 | base, release series
smart | fortwo | 16 | 2008 2017 | small | 6 | pure, passion
suzuki | grand vitara | 24 | 1999 2013 | suv | 6 | base, premium, xsport
"""

_STATES = """\
ak | -8 | 61.2 | -149.9 | 10 | anchorage / mat-su, fairbanks, kenai peninsula, southeast alaska
al | -5 | 33.5 | -86.8 | 14 | birmingham, huntsville / decatur, mobile, montgomery, dothan
ar | -5 | 35.3 | -92.9 | 13 | little rock, fayetteville, fort smith, jonesboro, texarkana
az | -7 | 33.4 | -111.8 | 13 | tucson, flagstaff / sedona, prescott, mohave county, yuma
ca | -7 | 35.4 | -119.4 | 91 | stockton, ventura county, modesto, bakersfield, redding
co | -6 | 39.7 | -104.9 | 24 | colorado springs, fort collins / north CO, western slope, pueblo, boulder
ct | -4 | 41.5 | -72.9 | 15 | hartford, new haven, eastern CT, northwest CT
dc | -4 | 38.9 | -77.2 | 2 | washington DC
de | -4 | 39.8 | -75.6 | 3 | delaware
fl | -4 | 28.2 | -81.7 | 62 | sarasota-bradenton, jacksonville, ft myers / SW florida, ocala, daytona beach
ga | -4 | 33.6 | -84.2 | 13 | macon / warner robins, columbus, athens, augusta, savannah / hinesville
hi | -10 | 21.3 | -157.9 | 1 | hawaii
ia | -5 | 41.6 | -93.6 | 23 | des moines, omaha / council bluffs, cedar rapids, waterloo / cedar falls, sioux city
id | -6 | 44.1 | -116.5 | 14 | east idaho, boise, twin falls, lewiston / clarkston, pullman / moscow
il | -5 | 41.3 | -89.3 | 20 | st louis MO, rockford, springfield, quad cities IA/IL, southern illinois
in | -4 | 40.0 | -86.1 | 17 | indianapolis, south bend / michiana, fort wayne, evansville, lafayette / west lafayette
ks | -5 | 38.9 | -95.2 | 15 | kansas city MO, wichita, topeka, manhattan, lawrence
ky | -4 | 38.2 | -85.7 | 13 | louisville, lexington, bowling green, eastern kentucky, western KY
la | -5 | 30.5 | -91.1 | 9 | new orleans, baton rouge, shreveport, lafayette, lake charles
ma | -4 | 42.2 | -71.3 | 17 | western massachusetts, worcester / central MA, south coast, cape cod / islands, boston
md | -4 | 39.3 | -76.6 | 14 | baltimore, southern maryland, eastern shore, western maryland, frederick
me | -4 | 43.5 | -70.8 | 8 | maine
mi | -4 | 42.8 | -84.1 | 42 | grand rapids, kalamazoo, lansing, flint, ann arbor
mn | -5 | 45.6 | -93.5 | 14 | fargo / moorhead, st cloud, duluth / superior, rochester, brainerd
mo | -5 | 37.3 | -93.3 | 13 | springfield, columbia / jeff city, st joseph, joplin, southeast missouri
ms | -5 | 32.4 | -89.5 | 3 | north mississippi, jackson, gulfport / biloxi, hattiesburg, meridian
mt | -6 | 47.7 | -114.3 | 19 | billings, missoula, bozeman, kalispell, great falls
nc | -4 | 35.6 | -79.9 | 41 | raleigh / durham / CH, charlotte, greensboro, asheville, fayetteville
nd | -5 | 47.4 | -100.3 | 1 | grand forks, north dakota, bismarck
ne | -5 | 40.8 | -96.7 | 3 | lincoln, grand island, scottsbluff / panhandle, north platte
nh | -4 | 42.9 | -71.4 | 6 | new hampshire
nj | -4 | 40.3 | -74.3 | 24 | south jersey, central NJ, north jersey, jersey shore
nm | -6 | 35.1 | -106.6 | 10 | albuquerque, santa fe / taos, las cruces, farmington, roswell / carlsbad
nv | -7 | 36.1 | -115.1 | 3 | las vegas, elko
ny | -4 | 42.7 | -74.3 | 47 | albany, rochester, long island, buffalo, hudson valley
oh | -4 | 40.6 | -83.0 | 53 | cleveland, columbus, cincinnati, akron / canton, dayton / springfield
ok | -5 | 35.6 | -96.7 | 19 | tulsa, oklahoma city, texoma, stillwater, lawton
or | -7 | 45.0 | -122.7 | 37 | bend, salem, eugene, medford-ashland, corvallis/albany
pa | -4 | 40.4 | -76.7 | 38 | pittsburgh, philadelphia, lehigh valley, scranton / wilkes-barre, lancaster
ri | -4 | 41.8 | -71.4 | 6 | rhode island
sc | -4 | 34.0 | -80.8 | 19 | greenville / upstate, columbia, charleston, myrtle beach, florence
sd | -5 | 43.6 | -96.8 | 4 | sioux falls / SE SD, rapid city / west SD, south dakota, northeast SD, pierre / central SD
tn | -5 | 35.9 | -86.4 | 31 | knoxville, nashville, memphis, tri-cities, chattanooga
tx | -5 | 30.5 | -97.8 | 45 | el paso, san antonio, austin, corpus christi, tyler / east TX
ut | -6 | 40.7 | -112.0 | 3 | salt lake city, st george, logan, provo / orem, ogden-clearfield
va | -4 | 37.5 | -78.0 | 32 | norfolk / hampton roads, richmond, fredericksburg, roanoke, winchester
vt | -4 | 44.2 | -73.0 | 8 | vermont
wa | -7 | 47.4 | -122.2 | 32 | kennewick-pasco-richland, bellingham, yakima, wenatchee, moses lake
wi | -5 | 43.7 | -88.7 | 31 | milwaukee, madison, appleton-oshkosh-FDL, green bay, eau claire
wv | -4 | 39.3 | -79.9 | 3 | charleston, morgantown, eastern panhandle, southern WV, west virginia (old)
wy | -6 | 42.8 | -107.3 | 2 | wyoming
"""
