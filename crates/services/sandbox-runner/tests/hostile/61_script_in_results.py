# expect: contained | script in HTML and SVG: given back as data, never as a page
open("report.html", "w").write("<script>fetch('/v1/containers')</script>")
open("chart.svg", "w").write("<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'><script>alert(2)</script></svg>")


class Page:
    def _repr_html_(self): return "<img src=x onerror=alert(1)><script>alert(2)</script>"
    def _repr_svg_(self): return "<svg onload='alert(1)'/>"
    def _repr_javascript_(self): return "alert(1)"
    def _repr_mimebundle_(self, include=None, exclude=None): return {"text/html\r\nX-Evil: 1": "<script>", "application/x-\u202e": "x"}
    def __repr__(self): return "</script><script>alert(3)</script>"


Page()
