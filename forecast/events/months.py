"""Names of the months in the languages of the files, so that they are read wherever the package runs."""

from forecast.events.columns import plain_name

__all__ = ["MONTHS"]

# January to December; the names of one month, as `plain_name` gives them, divided by commas.
_NAMES = (
    # English; French; Spanish; Arabic of Egypt and of the Levant; these in Latin letters.
    "january,jan;janvier,janv;enero,ene;يناير,كانون الثاني;yanayir,kanun al thani,kanoon al thani",
    "february,feb;fevrier,fevr,fev;febrero;فبراير,شباط;fibrayir,shubat,shbat",
    "march,mar;mars;marzo;مارس,آذار,اذار;adhar,athar",
    "april,apr;avril,avr;abril,abr;أبريل,ابريل,نيسان;nisan,naysan",
    "may;mai;mayo;مايو,أيار,ايار;mayu,ayyar,ayar",
    "june,jun;juin;junio;يونيو,حزيران;yunyu,yuniyu,haziran,huzayran",
    "july,jul;juillet,juil;julio;يوليو,تموز;yulyu,yuliyu,tammuz,tamuz",
    "august,aug;aout;agosto,ago;أغسطس,اغسطس,آب,اب;aghustus,ab,aab",
    "september,sep,sept;septembre;septiembre,setiembre;سبتمبر,أيلول,ايلول;sibtambir,aylul,ailul",
    "october,oct;octobre;octubre;أكتوبر,اكتوبر,تشرين الأول,تشرين الاول;uktubar,tishrin al awwal,tishreen al awal",
    "november,nov;novembre;noviembre;نوفمبر,تشرين الثاني;nufambir,tishrin al thani,tishreen al thani",
    "december,dec;decembre;diciembre,dic;ديسمبر,كانون الأول,كانون الاول;disambir,kanun al awwal,kanoon al awal",
)
# Number of the month (1 to 12) by its name, as `plain_name` gives it.
MONTHS = {
    plain_name(name): number
    for number, line in enumerate(_NAMES, start=1)
    for language in line.split(";")
    for name in language.split(",")
}
