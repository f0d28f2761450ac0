import json, warnings
import matplotlib.pyplot as plot

WORDS = "营业收入与净利润（亿元）"
missing = []
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    figure, panes = plot.subplots(1, 2, figsize=(10, 4))
    for pane, font in zip(panes, ("SimHei", "Microsoft YaHei")):
        bars = pane.bar(["一季度", "二季度", "三季度", "四季度"], [12.5, -8.25, 18, 21.75])
        pane.bar_label(bars, fmt="%.2f", fontfamily=font)
        pane.set_title("%s · %s" % (WORDS, font), fontfamily=font)
        for label in pane.get_xticklabels() + pane.get_yticklabels():
            label.set_fontfamily(font)
    figure.tight_layout()
    figure.savefig("chart.png", dpi=110)
missing = sorted({str(warning.message).split(" missing ")[0] for warning in told if "Glyph" in str(warning.message)})
print(json.dumps(missing))
