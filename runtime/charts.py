"""Charts: Chinese text in any font, and every figure saved without being asked.

matplotlib draws squares for characters that its chosen font lacks. Code asks for SimHei, Arial or whatever a
style names, so asking for the right font in a settings file is not enough: here the Chinese font is appended to
every list of fonts that matplotlib settles on, and the usual Chinese family names lead to it.
"""
import logging, os, shutil, sys

_CJK = ("WenQuanYi Micro Hei", "Noto Sans CJK SC", "Noto Sans CJK JP")
_ALIASES = ("SimHei", "SimSun", "Microsoft YaHei", "Microsoft YaHei UI", "DengXian", "KaiTi", "FangSong", "NSimSun",
            "PingFang SC", "PingFang HK", "Heiti SC", "Heiti TC", "STHeiti", "STSong", "STKaiti", "STFangsong", "STXihei", "Hiragino Sans GB",
            "Arial Unicode MS", "Source Han Sans SC", "Source Han Sans CN", "Noto Sans SC", "Noto Sans CJK SC",
            "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Droid Sans Fallback")

_FILMS = (".mp4", ".avi", ".mov", ".webm", ".mkv", ".m4v")

_saved: set[int] = set()     # ids of figures that the code saved itself


def prepare_fonts():
    """Called once, in the zygote."""
    import dataclasses
    from matplotlib import font_manager, pyplot
    from matplotlib.figure import Figure

    manager = font_manager.fontManager
    known = {entry.name for entry in manager.ttflist}
    name = next((n for n in _CJK if n in known), None)
    if name:
        entries = [e for e in manager.ttflist if e.name == name]
        manager.ttflist += [dataclasses.replace(e, name=alias) for alias in _ALIASES if alias not in known for e in entries]
        cjk = manager.findfont(name)
        find = manager._find_fonts_by_props

        def find_with_cjk(*args, **kwargs):
            fonts = find(*args, **kwargs)
            return fonts if cjk in fonts else [*fonts, cjk]
        manager._find_fonts_by_props = find_with_cjk

        # A missing font is not worth a warning: the text is drawn all the same.
        logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)

    savefig = Figure.savefig

    def remember(figure, *args, **kwargs):
        result = savefig(figure, *args, **kwargs)
        _saved.add(id(figure))
        return result
    Figure.savefig = remember

    _save_animations_as_gif()

    def show(*args, **kwargs):
        save_open()
        pyplot.close("all")
    pyplot.show = show
    Figure.show = lambda figure, *args, **kwargs: None


def _save_animations_as_gif():
    """There is no video encoder here: an animation becomes a GIF of the same name, and standard error says so."""
    from matplotlib.animation import Animation, PillowWriter
    save = Animation.save

    def save_as_gif(animation, filename, writer=None, fps=None, dpi=None, *args, **kwargs):
        root, ending = os.path.splitext(os.fspath(filename))
        if ending.lower() not in _FILMS or shutil.which("ffmpeg"):
            return save(animation, filename, writer, fps, dpi, *args, **kwargs)
        fps = fps or getattr(writer, "fps", None) or 1000 / (getattr(animation, "_interval", None) or 200)
        result = save(animation, root + ".gif", PillowWriter(fps=fps), dpi=dpi)
        print("note: this sandbox makes no %s; the animation is in %s" % (ending[1:], root + ".gif"), file=sys.stderr)
        return result
    Animation.save = save_as_gif


def save_open(close=False):
    """Saves the open figures that the code has not saved as chart-1.png, chart-2.png, ..., never over a file."""
    from matplotlib import pyplot
    number = 1
    for key in pyplot.get_fignums():
        figure = pyplot.figure(key)
        if id(figure) in _saved or not (figure.axes or figure.texts or figure.images):
            continue
        while os.path.lexists("/session/chart-%d.png" % number):
            number += 1
        figure.savefig("/session/chart-%d.png" % number)
    if close:
        pyplot.close("all")
        _saved.clear()
