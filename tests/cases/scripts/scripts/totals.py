large = [
    ship for ship in context["list-ships"] if ship["tonnage"] >= context["minimum"]
]
result = {"tonnage": total(large, "tonnage"), "unit": "t", "of": len(context["large"])}
