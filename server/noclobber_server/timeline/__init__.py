"""The timeline: history as swim lanes.

``model`` makes the data, ``page`` a self-contained page of it; ``timeline.js`` draws it there and in the editor.
``timeline.js`` is made from the extension's sources by its build and committed, so that a wheel needs no JavaScript tools.
"""
