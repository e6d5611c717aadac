def total(ships, member):
    return sum(ship[member] for ship in ships)
