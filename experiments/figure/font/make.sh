#!/bin/sh
# Makes NotoSansSC-subset.otf: the characters of terms.txt, of the Chinese pages of the experiments and of the blocks
# named below, out of Noto Sans CJK SC (SIL Open Font License 1.1, see OFL.txt). Run it here, on Debian, after
#   apt-get install fonts-noto-cjk python3-fonttools
set -eu
cd "$(dirname "$0")"
ttc=/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc # face 2 of the collection is SC
text=$(mktemp)
trap 'rm -f "$text"' EXIT
cat terms.txt ../../*/README.zh.md >"$text" 2>/dev/null || true
/usr/bin/python3 -m fontTools.subset "$ttc" --font-number=2 --text-file="$text" \
	--unicodes=U+20-7E,U+A0-FF,U+391-3A9,U+3B1-3C9,U+2010-2015,U+2018-201D,U+2020-2022,U+2026,U+2030,U+2032-2033,U+203B,U+2070-209C,U+20AC,U+2103,U+2190-2193,U+21D2,U+2202,U+2206,U+2208,U+2211,U+2212,U+2215,U+221A,U+221E,U+2227-222B,U+2234,U+2248,U+2260-2261,U+2264-2267,U+2460-2469,U+25A0-25A1,U+25B2-25B3,U+25BC-25BD,U+25C6-25C7,U+25CB,U+25CF,U+2605-2606,U+2713,U+3000-3003,U+3008-3011,U+3014-3015,U+FF01-FF5E,U+FFE5 \
	--layout-features=kern --no-hinting --drop-tables+=VORG,vmtx,vhea,GSUB,DSIG --name-IDs=0,1,2,3,4,5,6,13,14 --notdef-outline \
	--output-file=NotoSansSC-subset.otf
ls -l NotoSansSC-subset.otf
