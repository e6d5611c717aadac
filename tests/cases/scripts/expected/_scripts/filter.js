// Keeps the ships that are heavy enough.
const result = context.ships
    .filter((ship) => ship.tonnage >= context.minimum)
    .map((ship) => ({ name: ship.name, weight: `${ship.tonnage} ${context.unit}` }));
