# gnuplot -e "svg='FILE'; data='FILE'" plot.gnuplot; the columns of data are report.py's
stats data using 1 nooutput
set terminal svg size 1000,(90 + 46 * STATS_records) noenhanced font "sans-serif,13" background "white"
set output svg
set title "What booking guard costs, in terms of what each target allows: up to 1 is met" font ",16"
most = 3.6
cut(x) = x > most ? most : x
set xrange [0:most]
set yrange [-0.6:STATS_records + 0.3]
set lmargin 2
set rmargin 2
set border 1
set xtics nomirror 0, 0.5
set format x "%g"
unset ytics
set key off
set arrow from 1, graph 0 to 1, graph 1 nohead dashtype 2 linecolor rgb "#444444" back
set label "target" at 1.02, graph 0.99 textcolor rgb "#444444"
set style fill solid noborder
plot data using (cut($3) / 2):1:(cut($3) / 2):(0.17):7 with boxxyerror linecolor rgb variable, \
     data using (cut($3)):1:(cut($4)):(cut($5)) with xerrorbars pointtype 0 linewidth 1.5 linecolor rgb "#222222", \
     data using (0):($1 + 0.38):2 with labels left font ",13", \
     data using (cut($5) + 0.02 < most - 0.7 ? cut($5) + 0.02 : most - 0.7):($1):6 with labels left font ",12" textcolor rgb "#222222"
