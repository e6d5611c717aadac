if (context.fee < 0) {
    throw new RangeError("a ship has no negative tonnage");
}
