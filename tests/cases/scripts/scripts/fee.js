const result = Math.round(context.tonnage * 0.25);
