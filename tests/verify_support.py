"""Small capabilities that between them use what is compiled, and their compilation."""

from functools import cache

from nafgen.compile import Compilation, compile_spec
from nafgen.inputs import Spec

KITCHEN = """
naftiko: 1.0.0-alpha2
info:
  label: Kitchen
  description: Everything at once
binds:
- namespace: env
  keys:
    KITCHEN_KEY: KITCHEN_KEY
    CUISINE: CUISINE
capability:
  consumes:
  - type: http
    namespace: kitchen
    baseUri: https://kitchen.example.com/v2/
    authentication:
      type: apikey
      key: X-Key
      value: '{{KITCHEN_KEY}}'
      placement: header
    inputParameters:
    - name: X-Version
      in: header
      value: '2024-01-01'
    - name: lang
      in: query
      value: en
    resources:
    - name: dishes
      path: /dishes
      operations:
      - name: list-dishes
        method: GET
        inputParameters:
        - {name: limit, in: query, type: integer, required: false}
        - {name: price, in: query, type: number, required: false}
        - {name: vegan, in: query, type: boolean, required: false}
        - {name: tag, in: query, type: array, items: {type: string}, required: false}
        - {name: filter, in: query, type: object, required: false}
        - {name: X-Trace, in: header, type: string, required: false}
        - {name: session, in: cookie, type: string, required: false}
        - {name: cuisine, in: query, value: '{{CUISINE}}'}
        - {name: page_size, in: query, value: 50}
        outputParameters:
        - name: found
          type: array
          mapping: $.data.items
      - name: add-dish
        method: POST
        inputParameters:
        - {name: title, in: body, type: string, required: true}
        - {name: servings, in: body, type: integer, required: false}
        - {name: from, in: body, type: string, required: false}
        - {name: steps, in: body, type: array, required: false}
        - {name: source, in: body, value: kitchen}
      - name: cook
        method: PUT
        path: /dishes/{dish-id}/cook
        inputParameters:
        - {name: dish-id, in: path, type: string, required: true}
        body:
          type: json
          data:
            dish:
              heat: '{{tools.heat}}'
              note: 'for {{tools.guest}} at {{tools.table}}'
              nested: {spices: ['{{tools.spice}}', salt], fixed: true}
            optional: {only: '{{tools.only}}'}
            nothing: null
            list: [1, 2.5, null]
    - name: dish
      path: /dishes/{dish-id}
      operations:
      - name: replace-dish
        method: PUT
        inputParameters:
        - {name: body, in: body, type: object, required: true}
      - name: patch-dish
        method: PATCH
      - name: drop-dish
        method: DELETE
      - name: peek
        method: HEAD
      - name: photo
        method: GET
        path: /dishes/{dish-id}/photo.{size}?format=png&v=2
        outputRawFormat: binary
  exposes:
  - type: rest
    namespace: kitchen-rest
    port: 8080
    resources:
    - name: dishes
      path: /kitchen/dishes
      operations:
      - name: list-dishes
        method: GET
        call: kitchen.list-dishes
        inputParameters:
        - {name: max, in: query, type: integer, required: false}
        - {name: class, in: query, type: string, required: false}
        - {name: tag, in: query, type: array, required: false}
        - {name: X-Trace, in: header, type: string, required: false}
        - {name: session, in: cookie, type: string, required: false}
        with: {limit: rest.max, X-Trace: rest.X-Trace, vegan: true}
        outputParameters:
        - type: object
          properties:
            count: {type: number, mapping: $.total}
            kind: {type: string, value: dishes}
            dishes:
              type: array
              mapping: $.found
              items:
                type: object
                properties:
                  id: {type: string, mapping: $.id}
                  cook: {type: string, mapping: $.by.name}
      - name: add-dish
        method: POST
        call: kitchen.add-dish
    - name: dish
      path: /kitchen/dishes/{dish_id}
      operations:
      - name: replace-dish
        method: PUT
        call: kitchen.replace-dish
      - name: patch-dish
        method: PATCH
        call: kitchen.patch-dish
      - name: drop-dish
        method: DELETE
        call: kitchen.drop-dish
    - name: cook
      path: /kitchen/{dish-id}/cook
      operations:
      - name: cook
        method: POST
        call: kitchen.cook
    - name: photo
      path: /kitchen/{dish-id}/photos/{size}
      operations:
      - {name: photo, method: GET, call: kitchen.photo}
  - type: mcp
    namespace: kitchen-mcp
    port: 8081
    description: Cook things
    tools:
      - name: list-dishes
        description: List them
        call: kitchen.list-dishes
        inputParameters:
        - {name: class, type: string, description: A keyword, required: false}
        - {name: limit, type: integer, required: false}
        - {name: where, type: object, required: false}
        with: {limit: kitchen-mcp.limit, filter: tools.where}
        outputParameters:
        - type: array
          mapping: $.found
          items:
            type: object
            properties:
              id: {type: string, mapping: $.id}
      - {name: add-dish, description: Add one, call: kitchen.add-dish}
      - {name: cook, description: Cook one, call: kitchen.cook}
      - {name: replace-dish, description: Replace one, call: kitchen.replace-dish}
      - {name: peek, description: Is it there?, call: kitchen.peek}
      - {name: photo, description: See one, call: kitchen.photo}
"""

TWO_UPSTREAMS = """
naftiko: 1.0.0-alpha2
info: {label: Two, description: Two upstreams}
capability:
  consumes:
  - type: http
    namespace: plain
    baseUri: https://{{REGION}}.plain.example.com
    authentication:
      type: basic
      username: '{{USER}}'
      password: '{{PASSWORD}}'
    resources:
    - name: things
      path: /things
      operations:
      - name: list
        method: GET
  - type: http
    namespace: token
    baseUri: ''
    authentication: {type: bearer, token: '{{TOKEN}}'}
    resources:
    - name: things
      path: /things/{id}
      operations:
      - name: get
        method: GET
  exposes:
  - type: rest
    namespace: both
    port: 8080
    resources:
    - path: /things
      operations:
      - {name: list, method: GET, call: plain.list}
    - path: /things/{id}
      operations:
      - {name: get, method: GET, call: token.get}
  - type: mcp
    namespace: both-mcp
    port: 8081
    tools:
      - {name: list-things, description: List, call: plain.list}
      - {name: get-thing, description: Get, call: token.get}
"""

ONE_KEY = """
naftiko: 1.0.0-alpha2
info: {{label: Keyed, description: One operation}}
capability:
  consumes:
  - type: http
    namespace: keyed
    baseUri: https://keyed.example.com
    authentication: {{type: apikey, key: api_key, value: '{{{{KEY}}}}', placement: {}}}
    resources:
    - name: it
      path: /it
      operations:
      - name: get
        method: GET
        inputParameters:
        - {{name: q, in: query, type: string, required: true}}
  exposes:
  - type: mcp
    namespace: keyed-mcp
    port: 8081
    tools:
      - {{name: get-it, description: Get it, call: keyed.get}}
"""


@cache
def compiled(text: str, name: str = "kitchen.yaml") -> Compilation:
    """The compilation of a capability's text."""
    data = text.encode()
    return compile_spec(
        Spec(shown=name, relative=name), lambda path: data if path == name else None
    )
