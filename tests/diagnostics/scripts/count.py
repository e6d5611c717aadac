result = len(context["ships"])
