const result = context.ships.length;
