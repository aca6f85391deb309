"""The service: HTTP around ``predict``, and the page that uses it.

::

    from fittingroom.serve import serve

    serve()    # the model inside the package, at http://127.0.0.1:8000/
"""

from fittingroom.serve.server import serve
from fittingroom.serve.settings import Settings
