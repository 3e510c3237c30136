"""People of an invented county: names with their readings, identity numbers, ages; Python standard library only.

    county = People(random, 400)
    county.pick(random) -> Person                 # now and then one who was there before, or one of the same name as another

No name, number or institution here is anybody's; the region of the identity numbers does not exist, their check characters are right.
"""
import datetime

REGION = "999901"  # none of the codes of GB/T 2260
_WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]

# Those with a reading of their own as surnames come in, too, and one of two characters.
_SURNAMES = [part.split(":") for part in (
    "王:wang 李:li 张:zhang 刘:liu 陈:chen 杨:yang 赵:zhao 黄:huang 周:zhou 吴:wu 徐:xu 孙:sun 朱:zhu 高:gao 林:lin 何:he 郭:guo 罗:luo 梁:liang "
    "单:shan 解:xie 查:zha 仇:qiu 区:ou 曾:zeng 任:ren 尉迟:yuchi 欧阳:ouyang").split()]
_MEN = [part.split(":") for part in (
    "伟:wei 强:qiang 建国:jianguo 志强:zhiqiang 国庆:guoqing 水生:shuisheng 德福:defu 永康:yongkang 文斌:wenbin 家豪:jiahao 海波:haibo 浩然:haoran").split()]
_WOMEN = [part.split(":") for part in (
    "芳:fang 敏:min 秀英:xiuying 桂兰:guilan 玉梅:yumei 淑珍:shuzhen 小燕:xiaoyan 春花:chunhua 翠莲:cuilian 凤仙:fengxian 丽:li 月娥:yuee").split()]
# Outside of GB 2312; the second takes four bytes in GB18030.
_RARE = [["喆", "zhe"], ["㛃", "jie"], ["镕", "rong"], ["䶮", "yan"]]


def national_id(birth, order):
    """18 characters of GB 11643; an odd order is a man's."""
    digits = f"{REGION}{birth:%Y%m%d}{order:03d}"
    return digits + "10X98765432"[sum(int(d) * w for d, w in zip(digits, _WEIGHTS)) % 11]


class Person:
    def __init__(self, number, surname, given, sex, birth):
        self.number, self.sex, self.birth = number, sex, birth
        self.surname, self.given = surname, given  # (characters, reading) each
        self.local_id = f"M{20260000 + number}"    # 门诊号, of one site
        self.document = national_id(birth, (number * 2 + (sex == "M")) % 1000)

    @property
    def han(self):
        return self.surname[0] + self.given[0]

    @property
    def is_in_gb2312(self):
        try:
            return bool(self.han.encode("gb2312"))
        except UnicodeEncodeError:
            return False

    def age(self, day):
        return day.year - self.birth.year - ((day.month, day.day) < (self.birth.month, self.birth.day))

    def truth(self):
        return {"person": self.number, "name": self.han, "pinyin": " ".join((self.surname[1], self.given[1])), "sex": self.sex,
                "birth": self.birth.isoformat(), "document": self.document}


class People:
    """Everybody of one site. About one in thirty is named as somebody else is; about one in ten of the old is born on 1 January."""

    def __init__(self, random, first_number, count):
        self.random, self.all = random, []
        for number in range(first_number, first_number + count):
            self.all.append(self._namesake(number) if self.all and random.random() < 0.03 else self._somebody(number))
        self._waiting = []

    def _birth(self):
        year = min(max(int(self.random.gauss(1966, 18)), 1930), 2024)
        if year < 1965 and self.random.random() < 0.1:
            return datetime.date(year, 1, 1)
        return datetime.date(year, self.random.randint(1, 12), self.random.randint(1, 28))

    def _somebody(self, number):
        sex = self.random.choice("MF")
        given = self.random.choice(_RARE if self.random.random() < 0.03 else _MEN if sex == "M" else _WOMEN)
        return Person(number, self.random.choice(_SURNAMES), given, sex, self._birth())

    def _namesake(self, number):
        other = self.random.choice(self.all)
        return Person(number, other.surname, other.given, other.sex, other.birth.replace(year=other.birth.year - self.random.randint(1, 9)))

    def pick(self):
        """Everybody once before anybody comes twice."""
        if not self._waiting:
            self._waiting = self.random.sample(self.all, len(self.all))
        return self._waiting.pop()
