"""One capability in the shapes of both root keys, official in every version."""

from __future__ import annotations

LISTS = """\
info: {label: Photos, description: Albums and photos}
binds:
- {namespace: env, keys: {TOKEN: PHOTOS_TOKEN}}
capability:
  consumes:
  - type: http
    namespace: photos
    baseUri: https://photos.test/v1
    description: Photos.
    authentication: {type: bearer, token: '{{TOKEN}}'}
    inputParameters:
    - {name: Photos-Version, in: header, value: '2'}
    resources:
    - name: albums
      label: Albums
      path: /albums
      operations:
      - name: list
        method: GET
        inputParameters:
        - {name: limit, in: query}
        outputParameters:
        - {name: all, type: array, value: $.albums}
      - name: create
        method: POST
        body: {type: json, data: {title: '{{title}}'}}
  exposes:
  - type: rest
    namespace: web
    port: 8080
    resources:
    - name: albums
      path: /albums
      operations:
      - name: list
        method: GET
        label: List albums
        inputParameters:
        - {name: limit, in: query, type: integer, description: How many}
        call: photos.list
        with: {limit: web.limit}
        outputParameters:
        - type: array
          items: {type: object, properties: {id: {type: string, mapping: $.id}}}
      - name: create
        method: POST
        call: photos.create
  - type: mcp
    namespace: agent
    port: 9090
    tools:
    - name: list-albums
      label: List albums
      description: Lists albums.
      inputParameters:
      - {name: limit, type: integer, description: How many, required: false}
      call: photos.list
      with: {limit: agent.limit}
"""

MAPS = """\
info: {display: Photos, description: Albums and photos}
binds:
- {namespace: env, keys: {TOKEN: PHOTOS_TOKEN}}
capability:
  consumes:
  - type: http
    namespace: photos
    baseUri: https://photos.test/v1
    description: Photos.
    authentication: {type: bearer, token: '{{TOKEN}}'}
    inputParameters:
      Photos-Version: {in: header, value: '2'}
    resources:
      albums:
        display: Albums
        path: /albums
        operations:
          list:
            method: GET
            inputParameters:
              limit: {in: query}
            outputParameters:
              all: {type: array, value: $.albums}
          create:
            method: POST
            body: {type: json, data: {title: '{{title}}'}}
  exposes:
  - type: rest
    namespace: web
    port: 8080
    resources:
      albums:
        path: /albums
        operations:
          list:
            method: GET
            display: List albums
            inputParameters:
              limit: {in: query, type: integer, description: How many}
            call: photos.list
            with: {limit: web.limit}
            outputParameters:
            - type: array
              items: {type: object, properties: {id: {type: string, mapping: $.id}}}
          create:
            method: POST
            call: photos.create
  - type: mcp
    namespace: agent
    port: 9090
    tools:
      list-albums:
        display: List albums
        description: Lists albums.
        inputParameters:
          limit: {type: integer, description: How many, required: false}
        call: photos.list
        with: {limit: agent.limit}
"""
